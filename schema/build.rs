//! Compiles the stored encoding's Protobuf schemas without a system `protoc`.

fn main() {
    let root = "proto";
    let files = ["proto/souk/chain/v1/chain.proto"];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, [root]).expect("the Protobuf schemas in schema/proto compile");
    prost_build::Config::new()
        .bytes([".souk.chain.v1.Log.data"])
        .compile_fds(descriptors)
        .expect("Rust code for the Protobuf schemas is generated");
}

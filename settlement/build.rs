//! Compiles the stored encoding of settlement records without a system `protoc`.

fn main() {
    let root = "../schema/proto";
    let file = "../schema/proto/souk/settlement/v1/settlement.proto";
    println!("cargo::rerun-if-changed={file}");
    let descriptors = protox::compile([file], [root]).expect("the Protobuf schema of settlement records compiles");
    prost_build::Config::new()
        .compile_fds(descriptors)
        .expect("Rust code for the Protobuf schema is generated");
}

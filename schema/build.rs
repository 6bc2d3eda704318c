//! Compiles the stored encodings' Protobuf schemas without a system `protoc`.

fn main() {
    let root = "proto";
    let files = [
        "proto/souk/chain/v1/chain.proto",
        "proto/souk/exchange/v1/order.proto",
        "proto/souk/exchange/v1/command.proto",
        "proto/souk/exchange/v1/rejection.proto",
        "proto/souk/exchange/v1/event.proto",
        "proto/souk/observation/v1/observation.proto",
    ];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, [root]).expect("the Protobuf schemas in schema/proto compile");
    prost_build::Config::new()
        // Slices of the record that is decoded, not copies of their own.
        .bytes([".souk.chain.v1.Log.data", ".souk.exchange.v1"])
        .compile_fds(descriptors)
        .expect("Rust code for the Protobuf schemas is generated");
}

// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "weir", path: "..")],
    targets: [
        // Counts what is allocated, by anybody in the process.
        .target(name: "CAllocations"),
        .executableTarget(name: "EngineBenchmark", dependencies: ["CAllocations", .product(name: "Scoring", package: "weir"), .product(name: "Velocity", package: "weir")]),
        .executableTarget(name: "VelocityBenchmark", dependencies: ["CAllocations", .product(name: "Velocity", package: "weir")]),
        .executableTarget(
            name: "AMLBenchmark",
            dependencies: ["CAllocations"] + ["Scoring", "Velocity", "Files", "Models"].map { .product(name: $0, package: "weir") }),
        .executableTarget(name: "ModelBenchmark", dependencies: [.product(name: "Models", package: "weir")]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

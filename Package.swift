// swift-tools-version: 6.0
import PackageDescription

let swift: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func library(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: swift)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name + "Tests", dependencies: [.init(stringLiteral: name)] + dependencies, swiftSettings: swift)
}

let package = Package(
    name: "weir",
    products: [
        .executable(name: "weir", targets: ["weir"]),
        // For Benchmarks alone.
        .library(name: "Scoring", targets: ["Scoring"]),
        .library(name: "Velocity", targets: ["Velocity"]),
        .library(name: "Models", targets: ["Models"]),
        .library(name: "Files", targets: ["Files"]),
    ],
    targets: [
        // C and C++ libraries of the system, each behind one module.
        .systemLibrary(name: "CRdkafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        // Loaded when it is first needed, not linked: hence no pkgConfig.
        .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CBeast"),
        .target(name: "CPlatform"),
        // Questions to rows of small numbers: inline functions for Velocity.
        .target(name: "CLanes"),

        library("Kafka", ["CRdkafka", "CPlatform"]),
        library("HTTP", ["CBeast", "CCurl", "CPlatform"]),
        library("AWS", ["HTTP", "CCrypto"]),
        library("Velocity", ["CLanes", "CPlatform"]),
        library("Models", ["CPlatform"]),
        library(
            "Scoring", ["Velocity", "Models", "CSimdjson", "CPlatform"], resources: [.embedInCode("AML/Data/high-risk-countries.csv")]),
        library("Stream", ["Scoring", "Velocity", "Kafka", "CPlatform"]),
        library("Files", ["Scoring", "Velocity", "CZlib"]),
        library("Simulation", []),
        library("Service", ["Stream", "AWS", "Scoring", "Models", "Velocity", "HTTP", "Kafka", "CPlatform"]),
        library("Lambda", ["Stream", "AWS", "HTTP"]),
        .executableTarget(
            name: "weir",
            dependencies: ["Service", "Lambda", "Stream", "Scoring", "Models", "Kafka", "HTTP", "Simulation", "Files", "CPlatform"],
            swiftSettings: swift),

        // Reads the sources, and depends on none of them.
        .testTarget(name: "ArchitectureTests", swiftSettings: swift),
        tests("HTTP", ["TestSupport"]),
        tests("AWS", ["HTTP", "TestSupport"]),
        tests("Stream", ["Scoring", "Velocity", "Kafka", "TestSupport", "CFibers"]),
        tests("Velocity", []),
        tests("Simulation", ["Scoring"]),
        tests("Models", ["TestSupport"]),
        tests("Scoring", ["Models", "TestSupport"]),
        tests("Files", ["Scoring", "TestSupport"]),
        .target(name: "CFibers", path: "Tests/CFibers"),
        .target(name: "TestSupport", path: "Tests/Support", swiftSettings: swift),
        tests("Kafka", ["TestSupport"]),
        tests("Service", ["Stream", "AWS", "Scoring", "Velocity", "Kafka", "HTTP", "TestSupport"]),
        tests("Lambda", ["AWS", "HTTP", "Stream", "TestSupport"]),
        tests("weir", ["Service", "Models", "Kafka", "HTTP", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

// `WEIR_ONLY_TESTS="HTTPTests ScoringTests"`: these and what they stand on, for builds under sanitizers, which take several times as long.
if let only = Context.environment["WEIR_ONLY_TESTS"] {
    var wanted = Set(only.split(separator: " ").map(String.init))
    var open = Array(wanted)
    while let name = open.popLast() {
        guard let target = package.targets.first(where: { $0.name == name }) else { fatalError("no target is named \(name)") }
        for dependency in target.dependencies {
            switch dependency {
            case .targetItem(let name, _), .byNameItem(let name, _): if wanted.insert(name).inserted { open.append(name) }
            default: break
            }
        }
    }
    package.targets.removeAll { !wanted.contains($0.name) }
    package.products.removeAll { product in
        switch product {
        case let library as Product.Library: !wanted.isSuperset(of: library.targets)
        case let executable as Product.Executable: !wanted.isSuperset(of: executable.targets)
        default: true
        }
    }
}

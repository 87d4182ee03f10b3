// swift-tools-version: 6.0
// What scripts/simulate-faults.sh builds: the stream without Kafka, and the simulation as a program. The folders are laid out by the script.
import PackageDescription

let swift: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "faults",
    targets: [
        .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CPlatform"),
        .target(name: "CLanes"),
        .target(name: "CFibers"),
        .target(name: "Velocity", dependencies: ["CLanes", "CPlatform"], swiftSettings: swift),
        .target(name: "Models", dependencies: ["CPlatform"], swiftSettings: swift),
        .target(
            name: "Scoring", dependencies: ["Velocity", "Models", "CSimdjson", "CPlatform"], resources: [.embedInCode("AML/Data/high-risk-countries.csv")],
            swiftSettings: swift),
        .target(name: "Stream", dependencies: ["Scoring", "Velocity", "CPlatform"], swiftSettings: swift),
        .executableTarget(name: "faults", dependencies: ["Stream", "Scoring", "Velocity", "CFibers"], swiftSettings: swift),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)

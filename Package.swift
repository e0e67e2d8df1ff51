// swift-tools-version:6.2
import Foundation
import PackageDescription

/// Warnings stop the build where `script/check` (and so CI) asks for it.
let strict = ProcessInfo.processInfo.environment["HUIKUAN_STRICT"] == "1"

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (strict ? [.treatAllWarnings(as: .error)] : [])

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let nio = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

let package = Package(
    name: "huikuan",
    products: [.executable(name: "huikuan", targets: ["huikuan"])],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    ],
    targets: [
        // Libraries of the system, by their Debian names.
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CXlsx", pkgConfig: "xlsxwriter", providers: [.apt(["libxlsxwriter-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"])]),
        .systemLibrary(
            name: "CPangoCairo", pkgConfig: "pangocairo", providers: [.apt(["libpango1.0-dev", "libcairo2-dev"])]),

        // The product, from pure to wired (docs/MAP.md draws it).
        .target(name: "Ledger", swiftSettings: settings),
        .target(name: "Receivables", dependencies: ["Ledger"], swiftSettings: settings),
        .target(name: "OpenItems", dependencies: ["Ledger"], swiftSettings: settings),
        .target(
            name: "Formats", dependencies: ["Ledger", "CXlsx", "CZip", "CPangoCairo", yams], swiftSettings: settings),
        .target(name: "Database", dependencies: [grdb, "CSQLite"], swiftSettings: settings),
        .target(name: "DatabasePostgres", dependencies: ["Database", "CPQ", "CCrypto"], swiftSettings: settings),
        .target(name: "Mail", dependencies: ["CCurl", "CCrypto"], swiftSettings: settings),
        .target(name: "Outbound", dependencies: ["CCurl", "CCrypto"], swiftSettings: settings),
        .target(name: "SampleCompany", dependencies: ["Ledger"], swiftSettings: settings),
        .target(
            name: "Operations",
            dependencies: ["Ledger", "Receivables", "OpenItems", "Formats", "Database", "CSodium", "CCrypto"],
            resources: [.copy("Resources")], swiftSettings: settings),
        .target(
            name: "Web",
            dependencies: [
                "Ledger", "Receivables", "OpenItems", "Formats", "Operations", "Outbound", hummingbird, httpTypes,
                nioCore, nio, logging,
            ],
            resources: [.copy("Assets")], swiftSettings: settings),
        .executableTarget(
            name: "huikuan",
            dependencies: [
                "Ledger", "Receivables", "OpenItems", "Formats", "Database", "DatabasePostgres", "Mail", "Operations",
                "Outbound", "SampleCompany", "Web", arguments, logging, lifecycle, signals,
            ],
            swiftSettings: settings),

        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                "Ledger", "Receivables", "OpenItems", "Database", "DatabasePostgres", "Operations", "CSQLite", "CPQ",
                arguments,
            ],
            swiftSettings: settings),
        .target(
            name: "TestSupport",
            dependencies: [
                "Ledger", "Receivables", "OpenItems", "Formats", "Database", "DatabasePostgres", "Operations",
                "CSQLite",
            ],
            swiftSettings: settings),
        .target(
            name: "Simulation",
            dependencies: [
                "Ledger", "Receivables", "OpenItems", "Database", "DatabasePostgres", "Operations",
            ],
            swiftSettings: settings),
        .executableTarget(name: "simulate", dependencies: ["Simulation", arguments], swiftSettings: settings),
        .testTarget(name: "SimulationTests", dependencies: ["Simulation"], swiftSettings: settings),
        .testTarget(name: "LedgerTests", dependencies: ["Ledger"], swiftSettings: settings),
        .testTarget(name: "ReceivablesTests", dependencies: ["Receivables", "Ledger"], swiftSettings: settings),
        .testTarget(name: "OpenItemsTests", dependencies: ["OpenItems", "Ledger"], swiftSettings: settings),
        .testTarget(name: "FormatsTests", dependencies: ["Formats", "Ledger"], swiftSettings: settings),
        .testTarget(name: "MailTests", dependencies: ["Mail", "Outbound"], swiftSettings: settings),
        .testTarget(name: "SampleCompanyTests", dependencies: ["SampleCompany", "Ledger"], swiftSettings: settings),
        .testTarget(
            name: "OperationsTests",
            dependencies: [
                "Ledger", "Receivables", "OpenItems", "Formats", "Database", "DatabasePostgres", "Operations",
                "TestSupport",
            ],
            exclude: ["Fixtures"], swiftSettings: settings),
        .testTarget(
            name: "ScenarioTests", dependencies: ["huikuan"], exclude: ["Scenarios"], swiftSettings: settings),
        .testTarget(name: "CommandLineTests", dependencies: ["huikuan"], swiftSettings: settings),
        .testTarget(
            name: "WebTests",
            dependencies: [
                "Web", "Operations", "Receivables", "Ledger", "Formats", "TestSupport", hummingbird, logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "TidyTests", dependencies: ["Receivables", "Operations", "Database", "TestSupport"],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)

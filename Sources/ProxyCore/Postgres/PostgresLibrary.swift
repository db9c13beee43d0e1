#if canImport(Glibc)
import Glibc
#endif

/// libpq, loaded when somebody asks for it: neither building nor running needs it where no store is configured.
///
/// What is declared here is the part of its interface that has been the same since PostgreSQL 9.6, by the types of C.
struct PostgresLibrary: Sendable {
    typealias Connection = OpaquePointer
    typealias Result = OpaquePointer
    typealias Text = UnsafePointer<CChar>

    let connect: @convention(c) @Sendable (UnsafePointer<Text?>?, UnsafePointer<Text?>?, CInt) -> Connection?
    let parse: @convention(c) @Sendable (Text?, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> UnsafeMutableRawPointer?
    let freeOptions: @convention(c) @Sendable (UnsafeMutableRawPointer?) -> Void
    let status: @convention(c) @Sendable (Connection?) -> CInt
    let errorMessage: @convention(c) @Sendable (Connection?) -> Text?
    let parameterStatus: @convention(c) @Sendable (Connection?, Text?) -> Text?
    let finish: @convention(c) @Sendable (Connection?) -> Void
    let socket: @convention(c) @Sendable (Connection?) -> CInt
    let setNonblocking: @convention(c) @Sendable (Connection?, CInt) -> CInt
    let sendQuery: @convention(c) @Sendable (Connection?, Text?) -> CInt
    let sendQueryParams:
        @convention(c) @Sendable (
            Connection?, Text?, CInt, UnsafePointer<UInt32>?, UnsafePointer<Text?>?, UnsafePointer<CInt>?,
            UnsafePointer<CInt>?, CInt
        ) -> CInt
    let flush: @convention(c) @Sendable (Connection?) -> CInt
    let consumeInput: @convention(c) @Sendable (Connection?) -> CInt
    let isBusy: @convention(c) @Sendable (Connection?) -> CInt
    let getResult: @convention(c) @Sendable (Connection?) -> Result?
    let resultStatus: @convention(c) @Sendable (Result?) -> CInt
    let resultErrorField: @convention(c) @Sendable (Result?, CInt) -> Text?
    let resultErrorMessage: @convention(c) @Sendable (Result?) -> Text?
    let rows: @convention(c) @Sendable (Result?) -> CInt
    let columns: @convention(c) @Sendable (Result?) -> CInt
    let value: @convention(c) @Sendable (Result?, CInt, CInt) -> Text?
    let length: @convention(c) @Sendable (Result?, CInt, CInt) -> CInt
    let isNull: @convention(c) @Sendable (Result?, CInt, CInt) -> CInt
    let affected: @convention(c) @Sendable (Result?) -> Text?
    let clear: @convention(c) @Sendable (Result?) -> Void
    let notifies: @convention(c) @Sendable (Connection?) -> UnsafeMutableRawPointer?
    let freeMemory: @convention(c) @Sendable (UnsafeMutableRawPointer?) -> Void

    static let fileName = "libpq.so.5"

    /// One for the process: it is never unloaded.
    private static let shared = Swift.Result { try PostgresLibrary(fileName) }

    /// - Throws: `PostgresFailure.library`, with the package that is missing.
    static func loaded() throws(PostgresFailure) -> PostgresLibrary {
        do {
            return try shared.get()
        } catch let failure as PostgresFailure {
            throw failure
        } catch {
            throw .library("\(error)")
        }
    }

    init(_ name: String) throws(PostgresFailure) {
        guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else {
            throw .library(dlerror().map { String(cString: $0) } ?? "cannot be loaded")
        }
        func find<Function>(_ symbol: String) throws(PostgresFailure) -> Function {
            guard let address = dlsym(handle, symbol) else { throw .library("has no \(symbol)") }
            return unsafeBitCast(address, to: Function.self)
        }
        connect = try find("PQconnectdbParams")
        parse = try find("PQconninfoParse")
        freeOptions = try find("PQconninfoFree")
        status = try find("PQstatus")
        errorMessage = try find("PQerrorMessage")
        parameterStatus = try find("PQparameterStatus")
        finish = try find("PQfinish")
        socket = try find("PQsocket")
        setNonblocking = try find("PQsetnonblocking")
        sendQuery = try find("PQsendQuery")
        sendQueryParams = try find("PQsendQueryParams")
        flush = try find("PQflush")
        consumeInput = try find("PQconsumeInput")
        isBusy = try find("PQisBusy")
        getResult = try find("PQgetResult")
        resultStatus = try find("PQresultStatus")
        resultErrorField = try find("PQresultErrorField")
        resultErrorMessage = try find("PQresultErrorMessage")
        rows = try find("PQntuples")
        columns = try find("PQnfields")
        value = try find("PQgetvalue")
        length = try find("PQgetlength")
        isNull = try find("PQgetisnull")
        affected = try find("PQcmdTuples")
        clear = try find("PQclear")
        notifies = try find("PQnotifies")
        freeMemory = try find("PQfreemem")
    }
}

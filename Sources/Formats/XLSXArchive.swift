internal import CZip

/// The archive that a workbook is.
///
/// A part is looked at before it is unpacked: what its entry says of encryption, method and size decides whether it is
/// read at all.
final class XLSXArchive {
    /// Bytes that a part may have when unpacked.
    static let largestPart = 2 << 30
    /// A part above `bombSize` that was packed to less than one byte in `bombRatio` is refused.
    static let bombRatio: UInt64 = 1000
    static let bombSize: UInt64 = 10 << 20

    let handle: OpaquePointer

    init(path: String) throws(XLSXFault) {
        var code: Int32 = 0
        guard let handle = zip_open(path, ZIP_RDONLY, &code) else {
            var error = zip_error_t()
            zip_error_init_with_code(&error, code)
            defer { zip_error_fini(&error) }
            throw .damaged(reason: String(cString: zip_error_strerror(&error)))
        }
        self.handle = handle
    }

    deinit { zip_discard(handle) }

    /// Opens a part for reading, or returns `nil` when the archive has none of this name.
    ///
    /// - Parameter limit: Bytes that the part may have when unpacked.
    func part(_ name: String, limit: Int = largestPart) throws(XLSXFault) -> XLSXPart? {
        var index = zip_name_locate(handle, name, 0)
        // Names of parts are equal without regard to case (ECMA-376 part 2, 6.3.5), though everybody keeps it.
        if index < 0 { index = zip_name_locate(handle, name, ZIP_FL_NOCASE) }
        guard index >= 0 else { return nil }
        var entry = zip_stat_t()
        zip_stat_init(&entry)
        guard zip_stat_index(handle, UInt64(index), 0, &entry) == 0 else { throw .damaged(reason: lastError) }
        let needed = UInt64(ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD)
        guard entry.valid & needed == needed else { throw .damaged(reason: "\(name): entry without sizes") }
        guard entry.encryption_method == UInt16(ZIP_EM_NONE) else { throw .encrypted }
        guard entry.comp_method == UInt16(ZIP_CM_STORE) || entry.comp_method == UInt16(ZIP_CM_DEFLATE) else {
            throw .damaged(reason: "\(name): compression method \(entry.comp_method)")
        }
        if entry.size > Self.bombSize, entry.size / Self.bombRatio >= max(entry.comp_size, 1) {
            throw .archiveBomb(part: name)
        }
        guard entry.size <= UInt64(limit) else { throw .tooLarge(part: name, limit: limit) }
        guard let file = zip_fopen_index(handle, UInt64(index), 0) else { throw .damaged(reason: lastError) }
        return XLSXPart(name: name, size: Int(entry.size), archive: self, file: file)
    }

    private var lastError: String { String(cString: zip_strerror(handle)) }
}

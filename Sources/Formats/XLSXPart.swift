internal import CZip

/// The bytes of one part of a workbook, unpacked on the way.
final class XLSXPart {
    let name: String
    /// How many bytes the archive says there are; more are never handed out, fewer are a fault.
    let size: Int
    // Must outlive the open file.
    private let archive: XLSXArchive
    private let file: OpaquePointer
    private var count = 0

    init(name: String, size: Int, archive: XLSXArchive, file: OpaquePointer) {
        self.name = name
        self.size = size
        self.archive = archive
        self.file = file
    }

    deinit { zip_fclose(file) }

    /// Fills the buffer from its start and returns how many bytes came; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(XLSXFault) -> Int {
        guard let start = buffer.baseAddress, !buffer.isEmpty else { return 0 }
        // The checksum is compared when the end is read.
        let read = Int(zip_fread(file, start, UInt64(buffer.count)))
        guard read >= 0 else { throw .damaged(reason: String(cString: zip_file_strerror(file))) }
        count += read
        guard read > 0 ? count <= size : count == size else { throw .damaged(reason: "\(name): \(count) ≠ \(size)") }
        return read
    }
}

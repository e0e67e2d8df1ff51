internal import Foundation

/// Bytes that come in order, a part at a time, so that a file of any size needs little memory.
package protocol ByteSource: AnyObject {
    /// Fills the buffer from its start and returns how many bytes came; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(ByteSourceFault) -> Int

    /// How many bytes are best read at once.
    var portion: Int { get }
}

extension ByteSource {
    package var portion: Int { 1 << 18 }
}

package enum ByteSourceFault: Error, Hashable, Sendable {
    case missing(path: String)
    case unreadable(path: String, reason: String)
    /// A pipe or device: an import reads its file twice.
    case notAFile(path: String)
    /// A byte sequence that the encoding doesn't have.
    case encoding(name: String)
    /// A workbook that can't be read.
    case spreadsheet(XLSXFault)
}

/// A file's bytes.
package final class FileBytes: ByteSource {
    private let descriptor: Int32
    private let path: String

    package init(path: String) throws(ByteSourceFault) {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else {
            throw .missing(path: path)
        }
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        var information = stat()
        guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .notAFile(path: path)
        }
    }

    deinit { close(descriptor) }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(ByteSourceFault) -> Int {
        while true {
            let count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            guard errno == EINTR else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
        }
    }

    /// The size in bytes, for progress; 0 when it can't be known.
    package static func size(of path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }
}

/// Bytes that are in memory already.
package final class MemoryBytes: ByteSource {
    private let bytes: [UInt8]
    private var position = 0

    package init(_ text: String) { bytes = Array(text.utf8) }
    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// All of it, and room to find that there is no more.
    package var portion: Int { min(max(bytes.count + 1, 256), 1 << 18) }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(ByteSourceFault) -> Int {
        let count = min(buffer.count, bytes.count - position)
        guard count > 0 else { return 0 }
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
        }
        position += count
        return count
    }
}

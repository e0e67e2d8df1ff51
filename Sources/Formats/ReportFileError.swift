internal import Glibc

/// A report could not be written to its file.
package struct ReportFileError: Error, Sendable {
    /// Where the report should have been written.
    package let path: String

    /// What the system or the file format said, in its own words and not in the reader's language.
    package let reason: String
}

extension ReportFileError {
    /// What the last call to the system said about this file.
    init(systemErrorAt path: String) {
        self.init(path: path, reason: String(cString: strerror(errno)))
    }

    /// Opens a file for writing from its start; what it held is gone.
    static func open(_ path: String) throws(ReportFileError) -> UnsafeMutablePointer<FILE> {
        // The system would read no further than a zero byte, and open another file.
        guard !path.utf8.contains(0) else {
            throw ReportFileError(path: path, reason: String(cString: strerror(EINVAL)))
        }
        guard let file = fopen(path, "wbe") else { throw ReportFileError(systemErrorAt: path) }
        return file
    }
}

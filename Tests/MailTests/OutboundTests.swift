import Testing

@testable import Outbound

@Suite struct OutboundTests {
    @Test("Only https is spoken, and http to this machine")
    func addresses() {
        for allowed in ["https://x.example/a", "http://127.0.0.1:8080/", "http://localhost/"] {
            #expect(WebClient.isAllowed(allowed), "\(allowed)")
        }
        for refused in ["http://x.example", "ftp://x", "file:///etc/passwd", "", "https://", "gopher://127.0.0.1"] {
            #expect(!WebClient.isAllowed(refused), "\(refused)")
        }
    }

    @Test(
        "No name leads to an address that nobody means",
        arguments: [
            "https://169.254.169.254/latest", "https://0.0.0.0/", "https://224.0.0.1/", "https://[fe80::1]/",
            "https://[::ffff:169.254.169.254]/", "https://[ff02::1]/",
            "https://100.100.100.200/", "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:a9fe:a9fe::1]/",
            "https://[fd00:ec2::254]/",
        ])
    func guarded(url: String) {
        do throws(WebClient.Failure) {
            _ = try WebClient(seconds: 2).get(url)
            Issue.record("\(url) answered")
        } catch {
            // Not reached, or refused once it was: nothing was sent.
            #expect(!error.said.isEmpty && !error.said.contains("latest"))
        }
    }

    @Test("Nobody there is a failure, and not a wait")
    func nobody() {
        do throws(WebClient.Failure) {
            _ = try WebClient(seconds: 2).post("http://127.0.0.1:1/", "{}")
            Issue.record("somebody answered")
        } catch {
            #expect(!error.said.isEmpty)
        }
    }
}

internal import Operations

/// The frame of pages for whoever isn't signed in: the promise beside a form.
struct GatePage {
    let w: Wording
    let assets: Assets
    let company: String

    func reply(_ title: String, status: Int, head: HTML = .nothing, _ form: HTML) -> Reply {
        .html(
            """
            <!doctype html>
            <html lang="\(w.language.rawValue)">
            \(Layout.head("\(title) · \(w(.product))", assets, more: head))
            <body>
            \(Icon.sprite)
            <div class="gate">
            <section class="say-so" aria-label="\(w(.whatItIs))">
            <p class="brand">\(Icon.seal)<span><b>\(w(.product))</b><small>\(company)</small></span></p>
            <div><h1>\(w(.promise))</h1>
            <svg class="bucket" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><rect class="b0" width="520" height="10"/><rect class="b1" x="520" width="190" height="10"/><rect class="b2" x="710" width="110" height="10"/><rect class="b3" x="820" width="76" height="10"/><rect class="b4" x="896" width="52" height="10"/><rect class="b5" x="948" width="32" height="10"/><rect class="b6" x="980" width="20" height="10"/></svg></div>
            <ul class="three"><li><b>\(w(.promise1))</b><span>\(w(.promise1Text))</span></li><li><b>\(w(.promise2))</b><span>\(w(.promise2Text))</span></li><li><b>\(w(.promise3))</b><span>\(w(.promise3Text))</span></li></ul>
            </section>
            <main id="main">
            \(form)
            </main>
            </div>
            <script src="\(assets.script)" defer></script>
            </body>
            </html>
            """, status: status)
    }
}

internal import Operations
internal import Receivables

/// A field for a password: it can be shown while it is typed, and a new one tells how hard it is to guess.
struct PasswordField {
    let w: Wording

    func present(_ id: String, named name: String, _ label: Word) -> HTML {
        """
        <div class="field"><label for="\(id)">\(w(label))</label>\(input(id, name, "current-password"))</div>
        """
    }

    var new: HTML {
        """
        <div class="field"><label for="n">\(w(.newPassword))</label>\(input("n", "password", "new-password", " minlength=\"\(Password.shortest)\""))<meter class="strength" data-strength="n" min="0" max="4" low="2" high="3" optimum="4" value="0" aria-label="\(w(.passwordStrength))"></meter><span class="hint">\(w(.passwordHint, ["count": .count(Password.shortest)]))</span></div>
        """
    }

    private func input(_ id: String, _ name: String, _ kind: String, _ more: HTML = .nothing) -> HTML {
        """
        <span class="reveal"><input id="\(id)" name="\(name)" type="password" autocomplete="\(kind)"\(more) required><button class="link" type="button" data-reveal="\(id)" data-other="\(w(.passwordHide))" aria-pressed="false" aria-controls="\(id)">\(w(.passwordShow))</button></span>
        """
    }
}

/// The sprite's drawings, 16 by 16, stroked in the colour of the text around them.
enum Icon: String, CaseIterable {
    case home, people, search, menu, close, bell, theme, gear, phone, check, warn, no, file, bank, table, down, print,
        lock
    case more, book, list, up, shield, plus

    var html: HTML { "<svg class=\"i\" aria-hidden=\"true\"><use href=\"#icon-\(rawValue)\"/></svg>" }

    static let sprite: HTML = """
        <svg class="sprite" aria-hidden="true">\
        <symbol id="icon-home" viewBox="0 0 16 16"><path d="M2.5 7.2 8 2.5l5.5 4.7v6.3h-4v-4h-3v4h-4z"/></symbol>\
        <symbol id="icon-people" viewBox="0 0 16 16"><circle cx="6" cy="5.2" r="2.7"/><path d="M1.5 13.5c.4-2.8 2.2-4.2 4.5-4.2s4.1 1.4 4.5 4.2M10.6 2.8a2.6 2.6 0 0 1 0 4.9M12 9.6c1.4.5 2.3 1.8 2.5 3.9"/></symbol>\
        <symbol id="icon-search" viewBox="0 0 16 16"><circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.5 3.5"/></symbol>\
        <symbol id="icon-menu" viewBox="0 0 16 16"><path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/></symbol>\
        <symbol id="icon-close" viewBox="0 0 16 16"><path d="m4 4 8 8M12 4l-8 8"/></symbol>\
        <symbol id="icon-bell" viewBox="0 0 16 16"><path d="M8 2.2a4 4 0 0 0-4 4c0 4-1.5 5-1.5 5h11s-1.5-1-1.5-5a4 4 0 0 0-4-4zM6.7 13.6a1.5 1.5 0 0 0 2.6 0"/></symbol>\
        <symbol id="icon-theme" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5.5"/><path d="M8 2.5v11a5.5 5.5 0 0 0 0-11z" fill="currentColor"/></symbol>\
        <symbol id="icon-gear" viewBox="0 0 16 16"><path d="M2.5 4.5h6M12 4.5h1.5M2.5 11.5H4M7.5 11.5h6"/><circle cx="10.2" cy="4.5" r="1.8"/><circle cx="5.8" cy="11.5" r="1.8"/></symbol>\
        <symbol id="icon-phone" viewBox="0 0 16 16"><path d="M3.2 2.5h2.6l1.2 3-1.6 1.2a8 8 0 0 0 3.9 3.9l1.2-1.6 3 1.2v2.6c0 .4-.3.7-.7.7A10.3 10.3 0 0 1 2.5 3.2c0-.4.3-.7.7-.7z"/></symbol>\
        <symbol id="icon-check" viewBox="0 0 16 16"><path d="m3 8.5 3.2 3.2L13 4.8"/></symbol>\
        <symbol id="icon-warn" viewBox="0 0 16 16"><path d="M8 2.5 14.2 13H1.8zM8 6.5v3M8 11.3v.1"/></symbol>\
        <symbol id="icon-no" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5.8"/><path d="M8 5v3.6M8 11v.1"/></symbol>\
        <symbol id="icon-file" viewBox="0 0 16 16"><path d="M4 1.8h5l3.2 3.2v9.2H4zM9 1.8V5h3.2"/></symbol>\
        <symbol id="icon-bank" viewBox="0 0 16 16"><path d="M2 6.2 8 2.5l6 3.7zM3.5 6.5v5M6.5 6.5v5M9.5 6.5v5M12.5 6.5v5M2 13.5h12"/></symbol>\
        <symbol id="icon-table" viewBox="0 0 16 16"><path d="M2.5 3.5h11v9h-11zM2.5 6.5h11M6.5 6.5v6"/></symbol>\
        <symbol id="icon-down" viewBox="0 0 16 16"><path d="M8 2.5v8M4.8 7.5 8 10.7l3.2-3.2M3 13.5h10"/></symbol>\
        <symbol id="icon-up" viewBox="0 0 16 16"><path d="M8 10.7v-8M4.8 5.7 8 2.5l3.2 3.2M3 13.5h10"/></symbol>\
        <symbol id="icon-print" viewBox="0 0 16 16"><path d="M4.5 6V2.5h7V6M4.5 11.5h-2V6h11v5.5h-2M4.5 9.5h7v4h-7z"/></symbol>\
        <symbol id="icon-lock" viewBox="0 0 16 16"><path d="M3.5 7h9v6.5h-9zM5.5 7V5a2.5 2.5 0 0 1 5 0v2"/></symbol>\
        <symbol id="icon-more" viewBox="0 0 16 16"><path d="M3.5 8h.1M8 8h.1M12.5 8h.1"/></symbol>\
        <symbol id="icon-book" viewBox="0 0 16 16"><path d="M3 2.5h8.5a1.5 1.5 0 0 1 1.5 1.5v9.5H4.5A1.5 1.5 0 0 1 3 12zM3 12a1.5 1.5 0 0 1 1.5-1.5H13"/></symbol>\
        <symbol id="icon-list" viewBox="0 0 16 16"><path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.1M2.5 8h.1M2.5 12h.1"/></symbol>\
        <symbol id="icon-shield" viewBox="0 0 16 16"><path d="M8 1.8 13 4v4c0 3.2-2.2 5.2-5 6.2-2.8-1-5-3-5-6.2V4zM5.8 8l1.6 1.6 2.8-3"/></symbol>\
        <symbol id="icon-plus" viewBox="0 0 16 16"><path d="M8 3v10M3 8h10"/></symbol></svg>
        """

    static let seal: HTML = """
        <svg class="seal" viewBox="0 0 28 28" aria-hidden="true"><rect width="28" height="28" rx="5"/>\
        <path d="M6.5 6.5h15v15h-15zM11 11h6v6h-6z"/></svg>
        """
}

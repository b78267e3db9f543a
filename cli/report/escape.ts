/** Texts from outside (questions, passages, answers, names) say what they say and are nothing else. */

/** What no text file should hold: control characters but for line ends and tabs, and what turns the direction of writing. */
const unseen = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu
const plain = (text: string): string => text.replace(unseen, (found) => (found === '\n' || found === '\t' ? ' ' : ''))

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
}

/** For HTML and SVG, between tags and in quoted attributes. */
export const escaped = (text: string): string => plain(text).replace(/[&<>"']/g, (found) => entities[found]!)

const entity = (found: string) => `&#${found.charCodeAt(0)};`

/** For Markdown that is rendered as HTML: no markup, no mention, no link, no table cell of its own. */
export const markdownText = (text: string): string =>
  plain(text)
    .replace(/[&<>]/g, (found) => entities[found]!)
    .replace(/[\\`*_[\]|~@$]|:(?=\/\/)/g, entity)
    .replace(/^\s*(?:[-+#=]|\d+(?=[.)]))/, (found) => found.trimStart().replace(/^./, entity))

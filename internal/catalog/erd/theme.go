package erd

// Theme names the colours of a drawing.
type Theme string

// The themes. Each has an opaque background, so it is readable on any page. A drawing cannot adapt to the preference of
// its reader, because that would need styles.
const (
	Light Theme = "light"
	Dark  Theme = "dark"
)

// palette is the set of colours of a theme. Text has a contrast of at least 4.5 to its background, lines and signs of
// at least 3.
type palette struct {
	background, boxBackground, text, muted string
	onTitle                                string // text on the title of a box
	strong                                 []string
	tint                                   []string
	personal, personalTint                 string
	secret, secretTint                     string
}

var palettes = map[Theme]palette{
	Light: {
		background: "#ffffff", boxBackground: "#ffffff", text: "#1b1f24", muted: "#525a64", onTitle: "#ffffff",
		strong:   []string{"#1d5fa8", "#1b7040", "#7a3ea8", "#9a4a00", "#4f5b66", "#a3195b", "#00686f", "#6b5900"},
		tint:     []string{"#e6effa", "#e4f3e9", "#f2e9f9", "#fbeddf", "#eaedf0", "#fbe6f0", "#dff2f3", "#f4efd6"},
		personal: "#7d5200", personalTint: "#fff0cf",
		secret: "#a31621", secretTint: "#fde3e4",
	},
	Dark: {
		background: "#14171b", boxBackground: "#1d2228", text: "#e8eaed", muted: "#b0b8c1", onTitle: "#101418",
		strong:   []string{"#7fb4ef", "#6fcf97", "#c9a0f2", "#f0a868", "#a9b4c0", "#f29ac0", "#6fd0d6", "#d9c55c"},
		tint:     []string{"#18222f", "#16261d", "#241c2d", "#2b2117", "#22272c", "#2c1c24", "#15272a", "#282512"},
		personal: "#f2c46d", personalTint: "#3a2f14",
		secret: "#ff9f9f", secretTint: "#43191c",
	},
}

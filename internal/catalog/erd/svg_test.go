package erd

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// node is an element of a drawing.
type node struct {
	name     string
	attr     map[string]string
	text     string
	children []*node
}

func parseSVG(t *testing.T, text []byte) *node {
	t.Helper()
	root := &node{}
	path := []*node{root}
	for decoder := xml.NewDecoder(strings.NewReader(string(text))); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return root.children[0]
		}
		if err != nil {
			t.Fatalf("the drawing is not valid XML: %v", err)
		}
		here := path[len(path)-1]
		switch token := token.(type) {
		case xml.StartElement:
			n := &node{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				n.attr[a.Name.Local] = a.Value
			}
			here.children = append(here.children, n)
			path = append(path, n)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			for _, n := range path {
				n.text += string(token)
			}
		}
	}
}

// selectNodes returns an element and its descendants that match a condition.
func (n *node) selectNodes(is func(*node) bool) []*node {
	var found []*node
	if is(n) {
		found = append(found, n)
	}
	for _, c := range n.children {
		found = append(found, c.selectNodes(is)...)
	}
	return found
}

func (n *node) byID(id string) *node {
	for _, found := range n.selectNodes(func(n *node) bool { return n.attr["id"] == id }) {
		return found
	}
	return nil
}

// TestStrictContentSecurityPolicy checks that drawings contain nothing that the content security policy default-src
// 'none' blocks.
func TestStrictContentSecurityPolicy(t *testing.T) {
	all := diagrams(t)
	all["hostile"] = NewDiagram(hostileSchema(), true)
	allowed := strings.Fields("svg title desc defs symbol g rect path circle text tspan a use")
	for name, d := range all {
		for _, theme := range []Theme{Light, Dark} {
			root := parseSVG(t, write(t, d, SVG, theme, true))
			for _, n := range root.selectNodes(func(*node) bool { return true }) {
				if !slices.Contains(allowed, n.name) {
					t.Errorf("%s: element <%s>", name, n.name)
				}
				for attribute, value := range n.attr {
					if attribute == "style" || attribute == "class" || strings.HasPrefix(attribute, "on") {
						t.Errorf("%s: <%s> has %s", name, n.name, attribute)
					}
					if attribute == "href" && !strings.HasPrefix(value, "#") || strings.Contains(value, "url(") {
						t.Errorf("%s: <%s> refers to %s", name, n.name, value)
					}
				}
			}
		}
	}
}

// TestDescriptionsAreComplete checks that the descriptions, which screen readers read, contain all that the drawing
// shows.
func TestDescriptionsAreComplete(t *testing.T) {
	all := diagrams(t)
	all["hostile"] = NewDiagram(hostileSchema(), true)
	for name, d := range all {
		root := parseSVG(t, write(t, d, SVG, Light, false))
		if root.attr["role"] == "img" || root.byID("erd-title") == nil || root.byID("erd-about") == nil {
			t.Errorf("%s: the drawing has no title, or its contents are hidden from screen readers", name)
		}
		for i := range d.Tables {
			table := &d.Tables[i]
			link, section := root.byID("table-"+table.Name), root.byID("description-"+table.Name)
			if link == nil || section == nil || link.name != "a" || link.attr["href"] != "#description-"+table.Name ||
				!strings.HasPrefix(link.attr["aria-label"], table.Name) {
				t.Errorf("%s: %s is not a labelled link to its section", name, table.Name)
				continue
			}
			if section.attr["role"] != "region" || root.byID(section.attr["aria-labelledby"]) == nil {
				t.Errorf("%s: the section of %s has no label", name, table.Name)
			}
			text := strings.Join(strings.Fields(section.text), " ")
			for i := range table.Columns {
				if !strings.Contains(text, strings.Join(strings.Fields(columnSentence(table, i)), " ")) {
					t.Errorf("%s: %s does not describe %s", name, table.Name, table.Columns[i].Name)
				}
			}
			for _, r := range d.Relations {
				if r.From == table.Name && !strings.Contains(text, r.Member()) ||
					r.To == table.Name && !strings.Contains(text, r.Owner()) {
					t.Errorf("%s: %s does not describe %s", name, table.Name, r.Name)
				}
			}
		}
		seen := 0
		for _, hidden := range root.selectNodes(func(n *node) bool { return n.attr["aria-hidden"] == "true" }) {
			seen += len(hidden.selectNodes(func(n *node) bool { return n.attr["stroke-width"] == "1.5" }))
		}
		if seen != len(d.Relations) {
			t.Errorf("%s: %d lines are hidden from screen readers, want %d", name, seen, len(d.Relations))
		}
	}
}

func TestDataClassSigns(t *testing.T) {
	for engine, d := range diagrams(t) {
		root := parseSVG(t, write(t, d, SVG, Light, false))
		for _, table := range d.Tables {
			want := map[string]int{}
			for _, c := range table.Columns {
				switch {
				case c.IsEncrypted():
					want["#erd-encrypted"]++
				case c.Class() == "pii":
					want["#erd-personal"]++
				case c.Class() == "secret":
					want["#erd-secret"]++
				}
			}
			got := map[string]int{}
			isUse := func(n *node) bool { return n.name == "use" }
			for _, n := range root.byID("table-" + table.Name).selectNodes(isUse) {
				got[n.attr["href"]]++
			}
			for sign := range map[string]bool{"#erd-encrypted": true, "#erd-personal": true, "#erd-secret": true} {
				if got[sign] != want[sign] {
					t.Errorf("%s: %s has the sign %s %d times, want %d",
						engine, table.Name, sign, got[sign], want[sign])
				}
			}
		}
	}
}

// TestContrast checks the colours against the Web Content Accessibility Guidelines, level AA: 4.5 for text, 3 for lines
// and signs.
func TestContrast(t *testing.T) {
	for theme, p := range palettes {
		check := func(what, a, b string, least float64) {
			if got := contrast(t, a, b); got < least {
				t.Errorf("%s: %s, %s on %s, has a contrast of %.2f, less than %.1f", theme, what, a, b, got, least)
			}
		}
		for _, ground := range []string{p.background, p.boxBackground, p.personalTint, p.secretTint} {
			check("text", p.text, ground, 4.5)
			check("muted text", p.muted, ground, 4.5)
		}
		check("sign of personal data", p.personal, p.personalTint, 3)
		check("sign of secrets", p.secret, p.secretTint, 3)
		for i, colour := range p.strong {
			check("title", p.onTitle, colour, 4.5)
			check("heading", colour, p.background, 4.5)
			for _, tint := range p.tint {
				check("line", colour, tint, 3)
			}
			if i >= len(p.tint) {
				t.Errorf("%s: an area has no tint", theme)
			}
		}
	}
}

// contrast returns the contrast ratio of two colours, computed from their relative luminances.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(colour string) float64 {
		n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
		if err != nil || len(colour) != 7 {
			t.Fatalf("%q is not a valid colour", colour)
		}
		part := func(shift int) float64 {
			v := float64(n>>shift&255) / 255
			if v <= 0.04045 {
				return v / 12.92
			}
			return math.Pow((v+0.055)/1.055, 2.4)
		}
		return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// TestTextFitsPage checks the legend and the descriptions. TestBoxesDoNotOverlap checks the text of boxes.
func TestTextFitsPage(t *testing.T) {
	for name, d := range layoutDiagrams(t) {
		root := parseSVG(t, write(t, d, SVG, Light, false))
		width, err := strconv.ParseFloat(root.attr["width"], 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range root.selectNodes(func(n *node) bool { return n.name == "text" || n.name == "tspan" }) {
			if n.attr["font-family"] == monospace || n.attr["x"] == "" {
				continue
			}
			x, err := strconv.ParseFloat(n.attr["x"], 64)
			if err != nil {
				t.Fatal(err)
			}
			if right := x + textWidth(n.text, descriptionSize); right > width {
				t.Errorf("%s: %q ends at %.0f of %.0f", name, n.text, right, width)
			}
		}
	}
}

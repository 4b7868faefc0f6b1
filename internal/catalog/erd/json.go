package erd

import (
	"encoding/json"
	"io"
)

// The types of the JSON format. Its fields are stable: fields can be added, but none is removed or changes its meaning.
type (
	diagramJSON struct {
		Title     string         `json:"title"`
		Tables    []tableJSON    `json:"tables"`
		Relations []relationJSON `json:"relations"`
	}

	tableJSON struct {
		Name          string       `json:"name"`
		Area          string       `json:"area"`
		Comment       string       `json:"comment,omitempty"`
		PartitionedBy string       `json:"partitioned_by,omitempty"` // like "RANGE (id)"
		PrimaryKey    []string     `json:"primary_key"`
		Columns       []columnJSON `json:"columns"`
		Indexes       []indexJSON  `json:"indexes"` // with unique constraints, without the index of the primary key
	}

	columnJSON struct {
		Name      string `json:"name"`
		Type      string `json:"type"` // the engine's name
		Nullable  bool   `json:"nullable"`
		Default   string `json:"default,omitempty"`    // expression
		Generated string `json:"generated,omitempty"`  // expression of a generated column
		DataClass string `json:"data_class,omitempty"` // id, public, internal, pii or secret
		Sealed    bool   `json:"sealed"`
		Meaning   string `json:"meaning,omitempty"`
	}

	indexJSON struct {
		Name    string   `json:"name"`
		Columns []string `json:"columns"` // "" is an expression
		Unique  bool     `json:"unique"`
		Where   string   `json:"where,omitempty"` // predicate of a partial index
	}

	relationJSON struct {
		Name        string   `json:"name"`             // of the foreign key
		Answer      string   `json:"answer,omitempty"` // the inverse foreign key: the relation is one to one
		From        string   `json:"from"`             // the referencing table
		Columns     []string `json:"columns"`
		To          string   `json:"to"`
		Referenced  []string `json:"referenced"`
		OnDelete    string   `json:"on_delete,omitempty"`
		Optional    bool     `json:"optional"` // a row of from can refer to no row of to
		Unique      bool     `json:"unique"`   // at most one row of from refers to a row of to
		Outside     bool     `json:"outside"`  // to is not among the tables
		OwnerWords  string   `json:"owner_words"`
		MemberWords string   `json:"member_words"`
	}
)

func (d *Diagram) writeJSON(w io.Writer) error {
	out := diagramJSON{Title: d.Title, Tables: []tableJSON{}, Relations: []relationJSON{}}
	for _, t := range d.Tables {
		table := tableJSON{Name: t.Name, Area: t.Area, Comment: t.Comment, PartitionedBy: t.PartitionKey,
			PrimaryKey: append([]string{}, t.PrimaryKey()...), Columns: []columnJSON{}, Indexes: []indexJSON{}}
		for _, c := range t.Columns {
			table.Columns = append(table.Columns, columnJSON{Name: c.Name, Type: c.Type, Nullable: !c.NotNull,
				Default: c.Default, Generated: c.Generated, DataClass: c.Class(), Sealed: c.IsEncrypted(),
				Meaning: c.Description()})
		}
		for _, i := range t.secondaryIndexes() {
			table.Indexes = append(table.Indexes,
				indexJSON{Name: i.Name, Columns: i.Columns, Unique: i.Unique, Where: i.Predicate})
		}
		out.Tables = append(out.Tables, table)
	}
	for _, r := range d.Relations {
		out.Relations = append(out.Relations, relationJSON{Name: r.Name, Answer: r.Inverse, From: r.From,
			Columns: r.Columns, To: r.To, Referenced: r.Referenced, OnDelete: r.OnDelete,
			Optional: r.IsOptional, Unique: r.IsUnique, Outside: r.IsOutside,
			OwnerWords: r.Owner(), MemberWords: r.Member()})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

func attributes(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	var made []cardinal.AttributeDefinition
	insert := func(name string) error {
		d := cardinal.AttributeDefinition{ID: cardinal.NewID(), Name: name, Description: "Größe 👟", ValueType: "number", CreatedAt: moment, UpdatedAt: moment, Version: 1}
		return try(t, s, func(tx store.Tx) (cardinal.AttributeDefinition, error) {
			got, err := tx.InsertAttributeDefinition(ctx, d)
			if err == nil {
				same(t, "InsertAttributeDefinition", got, d)
				made = append(made, d)
			}
			return got, err
		})
	}
	for _, name := range []string{"ab", "a_c", "a1", "b", "a"} {
		if err := insert(name); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "AttributeDefinition", must(r.AttributeDefinition(ctx, made[1].ID))(t), made[1])
	same(t, "AttributeDefinitions", walk(t, func(d cardinal.AttributeDefinition) uuid.UUID { return d.ID }, func(p cardinal.Page) ([]cardinal.AttributeDefinition, error) {
		return r.AttributeDefinitions(ctx, p)
	}), made)
	var names []string
	for _, d := range must(r.AllAttributeDefinitions(ctx))(t) {
		names = append(names, d.Name)
	}
	same(t, "AllAttributeDefinitions by the bytes of their names", names, []string{"a", "a1", "a_c", "ab", "b"})
	violated(t, "attribute_definitions_name_uq", insert("ab"))
	violated(t, "attribute_definitions_name_ck", insert("Ab"))
	remove := func(version int64) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.DeleteAttributeDefinition(ctx, made[0].ID, version) })
	}
	refused(t, "DeleteAttributeDefinition of a stale version", cardinal.ErrNotFound, remove(2))
	if err := remove(1); err != nil {
		t.Error(err)
	}
	_, err := r.AttributeDefinition(ctx, made[0].ID)
	refused(t, "AttributeDefinition after DeleteAttributeDefinition", cardinal.ErrNotFound, err)
}

func countries(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	all := must(r.Countries(ctx))(t)
	if len(all) < 249 || !slices.IsSortedFunc(all, func(a, b cardinal.Country) int { return strings.Compare(a.Code, b.Code) }) {
		t.Errorf("Countries: %d", len(all))
	}
	if c := must(r.Country(ctx, "RE"))(t); c.Name != "Réunion" {
		t.Errorf("Country: %v", c)
	}
	_, err := r.Country(ctx, "XX")
	refused(t, "Country of none", cardinal.ErrNotFound, err)
	want := must(r.Country(ctx, "DE"))(t)
	write(t, s, func(tx store.Tx) error {
		same(t, "CountryForChange", must(tx.CountryForChange(ctx, "DE"))(t), want)
		got := must(tx.UpdateCountry(ctx, "DE", want.Version, 190_000, moment))(t)
		want.TaxRatePPM, want.UpdatedAt, want.Version = 190_000, moment, want.Version+1
		same(t, "UpdateCountry", got, want)
		return nil
	})
	same(t, "Country after UpdateCountry", must(r.Country(ctx, "DE"))(t), want)
	update := func(version, ppm int64) error {
		return try(t, s, func(tx store.Tx) (cardinal.Country, error) { return tx.UpdateCountry(ctx, "DE", version, ppm, moment) })
	}
	refused(t, "UpdateCountry of a stale version", cardinal.ErrNotFound, update(want.Version-1, 0))
	violated(t, "countries_tax_rate_ck", update(want.Version, 1_000_001))
}

func settings(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	all := must(r.Settings(ctx))(t)
	if len(all) == 0 || !slices.IsSortedFunc(all, func(a, b cardinal.Setting) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("Settings: %v", all)
	}
	want := must(r.Setting(ctx, "passwords.min_length"))(t)
	if !slices.Contains(all, want) {
		t.Errorf("Settings has not %v", want)
	}
	for _, value := range []any{20.0, "x<é\u2028 日本 \"", true, 1.5, "", -1e21, false, 0.0} {
		got := written(t, s, func(tx store.Tx) (cardinal.Setting, error) {
			same(t, "SettingForChange", must(tx.SettingForChange(ctx, want.Name))(t), want)
			return tx.UpdateSetting(ctx, want.Name, want.Version, value, moment)
		})
		want.Value, want.UpdatedAt, want.Version = value, moment, want.Version+1
		same(t, "UpdateSetting", got, want)
		same(t, "Setting", must(r.Setting(ctx, want.Name))(t), want)
		golden := must(store.StampSetting(want))(t)
		same(t, "digest of a setting", must(store.StampSetting(got))(t), golden)
	}
	update := func(version int64, value any) error {
		return try(t, s, func(tx store.Tx) (cardinal.Setting, error) {
			return tx.UpdateSetting(ctx, want.Name, version, value, moment)
		})
	}
	refused(t, "UpdateSetting of a stale version", cardinal.ErrNotFound, update(want.Version-1, true))
	for _, value := range []any{[]string{"x"}, map[string]any{}, nil, strings.Repeat("x", 4095)} {
		violated(t, "settings_value_ck", update(want.Version, value))
	}
	_, err := r.Setting(ctx, "no.such")
	refused(t, "Setting of none", cardinal.ErrNotFound, err)
}

func jobs(t *testing.T, s *store.Store) {
	ctx, node := t.Context(), cardinal.NewID()
	every := must(s.Read(ctx).Jobs(ctx))(t)
	if len(every) < 3 || every[0].Kind != "audit.months" || *every[0].RepeatSeconds != 86400 {
		t.Fatalf("Jobs: %v", every)
	}
	kinds := make([]string, len(every))
	for i := range every {
		kinds[i] = every[i].Kind
	}
	claim := func(tx store.Tx, at time.Time) (cardinal.Job, error) {
		return tx.ClaimJob(ctx, node, at, time.Minute, kinds...)
	}
	// A kind that the node does not know is left to one that does.
	refused(t, "ClaimJob of no known kind", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (cardinal.Job, error) {
		return tx.ClaimJob(ctx, node, moment, time.Minute, "no.such")
	}))
	same(t, "ClaimJob of the second's kind", written(t, s, func(tx store.Tx) (cardinal.Job, error) {
		job, err := tx.ClaimJob(ctx, node, moment.Add(-2*time.Minute), time.Minute, kinds[1])
		return job, err
	}), every[1])
	for i := range every {
		write(t, s, func(tx store.Tx) error {
			same(t, "ClaimJob", must(claim(tx, moment))(t), every[i])
			if i == 0 && s.Engine() == "postgres" {
				// Another transaction passes over the row that this one holds.
				refused(t, "a claim beside", errUndo, s.Write(ctx, func(other store.Tx) error {
					if beside := must(claim(other, moment))(t); beside.ID != every[1].ID {
						t.Errorf("ClaimJob beside: %v, want %v", beside, every[1])
					}
					return errUndo
				}))
			}
			return nil
		})
	}
	refused(t, "ClaimJob while all are leased", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (cardinal.Job, error) {
		return claim(tx, moment.Add(time.Minute-time.Microsecond))
	}))
	stranger := cardinal.NewID()
	refused(t, "FinishJob of another's", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.FinishJob(ctx, every[0].ID, stranger, moment)
	}))
	refused(t, "FailJob of another's", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error {
		return tx.FailJob(ctx, every[0].ID, stranger, moment, moment, "busy")
	}))
	write(t, s, func(tx store.Tx) error { return tx.FinishJob(ctx, every[0].ID, node, moment) })
	write(t, s, func(tx store.Tx) error {
		return tx.FailJob(ctx, every[1].ID, node, moment, moment.Add(time.Second), "busy")
	})
	// A time of retry that has passed already is now: nothing may stay the most overdue for ever.
	write(t, s, func(tx store.Tx) error {
		return tx.FailJob(ctx, every[2].ID, node, moment, moment.Add(-time.Hour), "gone")
	})
	jobOf := func(id uuid.UUID) cardinal.Job {
		all := must(s.Read(ctx).Jobs(ctx))(t)
		return all[slices.IndexFunc(all, func(j cardinal.Job) bool { return j.ID == id })]
	}
	done, failed, late := every[0], every[1], every[2]
	done.LastRunAt, done.RunAt = &moment, moment.Add(24*time.Hour)
	failed.Attempts, failed.LastError, failed.RunAt = 1, ptr("busy"), moment.Add(time.Second)
	late.Attempts, late.LastError, late.RunAt = 1, ptr("gone"), moment
	for _, want := range []cardinal.Job{done, failed, late} {
		same(t, "a job after", jobOf(want.ID), want)
	}
	// A lease that ran out is due again, the longest waiting first.
	again := written(t, s, func(tx store.Tx) (cardinal.Job, error) { return claim(tx, moment.Add(time.Minute)) })
	if again.ID != every[3].ID {
		t.Errorf("ClaimJob after a lease: %v", again)
	}
	at := moment.Add(time.Minute)
	refused(t, "RenewJob of another's", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error { return tx.RenewJob(ctx, again.ID, stranger, at) }))
	write(t, s, func(tx store.Tx) error { return tx.RenewJob(ctx, again.ID, node, at.Add(time.Hour)) })
	refused(t, "ClaimJob of a lease that was prolonged", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (cardinal.Job, error) {
		return tx.ClaimJob(ctx, stranger, at.Add(time.Hour-time.Microsecond), time.Minute, again.Kind)
	}))
	// SetJobDue changes only when the job is due, and only without a lease.
	recordOf := func(id uuid.UUID) store.JobRecord {
		list := must(s.Read(ctx).JobRecords(ctx))(t)
		return list[slices.IndexFunc(list, func(j store.JobRecord) bool { return j.ID == id })]
	}
	setDue := func(id uuid.UUID, at time.Time) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.SetJobDue(ctx, id, at) })
	}
	leased := recordOf(again.ID)
	if leased.LeasedBy.UUID != node || leased.LeasedUntil == nil || !leased.LeasedUntil.Equal(at.Add(time.Hour)) {
		t.Errorf("JobRecords of a leased job: %+v", leased)
	}
	same(t, "JobForChange", written(t, s, func(tx store.Tx) (store.JobRecord, error) {
		return tx.JobForChange(ctx, again.ID)
	}), leased)
	refused(t, "JobForChange of none", cardinal.ErrNotFound, try(t, s, func(tx store.Tx) (store.JobRecord, error) {
		return tx.JobForChange(ctx, cardinal.NewID())
	}))
	refused(t, "SetJobDue of none", cardinal.ErrNotFound, setDue(cardinal.NewID(), at))
	refused(t, "SetJobDue of a leased job", cardinal.ErrNotFound, setDue(again.ID, at))
	same(t, "a leased job after SetJobDue", recordOf(again.ID), leased)
	if err := setDue(failed.ID, at.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	failed.RunAt = at.Add(time.Second)
	same(t, "a failed job after SetJobDue", recordOf(failed.ID), store.JobRecord{Job: failed})
	// Work that is due once goes when it is done; made due anew meanwhile, it stays.
	once := cardinal.Job{ID: cardinal.NewID(), Kind: "probes.try", RunAt: moment}
	put := func() { write(t, s, func(tx store.Tx) error { return tx.PutJob(ctx, once.ID, once.Kind, moment) }) }
	end := func() error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.FinishJob(ctx, once.ID, node, moment) })
	}
	for _, anew := range []bool{true, false} {
		put()
		same(t, "ClaimJob of what is due once", written(t, s, func(tx store.Tx) (cardinal.Job, error) {
			return tx.ClaimJob(ctx, node, moment, time.Minute, once.Kind)
		}), once)
		if anew {
			put()
			refused(t, "FinishJob of what is due anew", cardinal.ErrNotFound, end())
			same(t, "what is due anew", jobOf(once.ID), once)
		}
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if list := must(s.Read(ctx).Jobs(ctx))(t); slices.ContainsFunc(list, func(j cardinal.Job) bool { return j.ID == once.ID }) {
		t.Error("what was due once is there still")
	}
	byDue := func(a, b store.JobRecord) int { return a.RunAt.Compare(b.RunAt) }
	if list := must(s.Read(ctx).JobRecords(ctx))(t); !slices.IsSortedFunc(list, byDue) {
		t.Errorf("JobRecords are not ordered by when they are due: %v", list)
	}
	if list := must(s.Read(ctx).Jobs(ctx))(t); !slices.IsSortedFunc(list, func(a, b cardinal.Job) int { return a.RunAt.Compare(b.RunAt) }) {
		t.Errorf("Jobs are not in the order of their turn: %v", list)
	}
}

func setupLinks(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	link := store.SetupLinkRecord{ID: cardinal.NewID(), TokenHash: make([]byte, 32), CreatedAt: moment, ExpiresAt: moment.Add(30 * time.Minute)}
	insert := func(l store.SetupLinkRecord) error {
		return s.Write(ctx, func(tx store.Tx) error { return tx.InsertSetupLink(ctx, l) })
	}
	if err := insert(link); err != nil {
		t.Fatal(err)
	}
	same(t, "SetupLink", must(r.SetupLink(ctx, link.TokenHash))(t), link)
	twin := link
	twin.ID = cardinal.NewID()
	violated(t, "setup_links_token_hash_uq", insert(twin))
	twin.TokenHash, twin.ExpiresAt = append(make([]byte, 31), 1), moment.Add(24*time.Hour+time.Microsecond)
	violated(t, "setup_links_life_ck", insert(twin))
	write(t, s, func(tx store.Tx) error {
		if err := tx.DeleteDeadSetupLinks(ctx, link.ExpiresAt.Add(-time.Microsecond)); err != nil {
			return err
		}
		same(t, "SetupLinkForChange", must(tx.SetupLinkForChange(ctx, link.TokenHash))(t), link)
		return tx.UseSetupLink(ctx, link.ID, moment)
	})
	link.UsedAt = &moment
	same(t, "SetupLink after UseSetupLink", must(r.SetupLink(ctx, link.TokenHash))(t), link)
	refused(t, "UseSetupLink twice", cardinal.ErrNotFound, s.Write(ctx, func(tx store.Tx) error { return tx.UseSetupLink(ctx, link.ID, moment) }))
	twin.ExpiresAt = moment.Add(time.Minute)
	if err := insert(twin); err != nil {
		t.Error(err)
	}
	write(t, s, func(tx store.Tx) error { return tx.DeleteDeadSetupLinks(ctx, moment) })
	_, err := r.SetupLink(ctx, link.TokenHash)
	refused(t, "a used link after DeleteDeadSetupLinks", cardinal.ErrNotFound, err)
	same(t, "a live link after DeleteDeadSetupLinks", must(r.SetupLink(ctx, twin.TokenHash))(t), twin)
	write(t, s, func(tx store.Tx) error { return tx.DeleteDeadSetupLinks(ctx, twin.ExpiresAt) })
	_, err = r.SetupLink(ctx, twin.TokenHash)
	refused(t, "a link past its time after DeleteDeadSetupLinks", cardinal.ErrNotFound, err)
}

func migrations(t *testing.T, s *store.Store) {
	ctx := t.Context()
	list := must(s.Read(ctx).Migrations(ctx))(t)
	for i, m := range list {
		if m.Name == "" || m.AppliedAt == nil || m.AppliedAt.Location() != time.UTC {
			t.Errorf("migration %s: %+v", m, m)
		}
		if i > 0 && (m.Number < list[i-1].Number || m.Number > list[i-1].Number+1 || m.Number == list[i-1].Number && m.Phase == list[i-1].Phase) {
			t.Errorf("migration %s follows %s", m, list[i-1])
		}
	}
	if empty, err := s.Ready(ctx); empty || err != nil {
		t.Errorf("Ready: %v, %v", empty, err)
	}
	if err := s.Ping(ctx); err != nil {
		t.Errorf("Ping: %v", err)
	}
}

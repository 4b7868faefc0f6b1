// Package storetest is the conformance suite of the store: behaviour that must be the same on both engines. The
// compiler does not check SQL, so every method of store.Reader and store.Tx runs on both engines, and the suite fails
// if a method has no case.
package storetest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
	"cardinal/internal/store/dberror"
)

// testCase is one part of the suite, usually for one table.
type testCase struct {
	name   string
	test   func(t *testing.T, s *store.Store)
	covers string // the methods of Reader and Tx that it runs and whose results it checks
}

// testCases run in this order on one migrated database, which is empty before the first.
var testCases = []testCase{
	{"NoAdministratorInitially", noAdministratorInitially, "HasAdministrator"},
	{"Lookups", lookups, "UserStatuses UserKinds ContactKinds"},
	{"Users", users, "User LockUser InsertUser ChangeUserStatus TouchUser"},
	{"UserLists", userLists, "Users"},
	{"UserCounts", userCounts, "CountUsers"},
	{"Search", search,
		"SearchTokens InsertSearchTokens ReplaceSearchTokens DeleteSearchIndex DeleteSearchBuilds LockUserIDsAfter " +
			"LatestFinishedSearchBuild LockRunningSearchBuild InsertSearchBuild UpdateSearchBuild"},
	{"Profiles", profiles, "Profile LockProfile Profiles InsertProfile UpdateProfile"},
	{"Contacts", contacts,
		"Contact LockContact Contacts InsertContact UpdateContact DeleteContact UnverifiedContacts " +
			"AllUnverifiedContacts"},
	{"Identifiers", identifiers,
		"Identifier Identifiers InsertIdentifier DeleteIdentifier IsReservedUsername"},
	{"Credentials", credentials,
		"Credential LockCredential InsertCredential UpdateCredential DeleteCredential SignInAccount LockSignIn"},
	{"TemporaryPasswords", temporaryPasswords,
		"TemporaryPassword SaveTemporaryPassword UseTemporaryPassword DeleteTemporaryPassword"},
	{"PasswordSchemes", passwordSchemes,
		"PasswordSchemes NotePasswordScheme DeletePasswordSchemes OtherHashes"},
	{"Sessions", sessions,
		"Session Sessions AuthenticateSession CheckSessionAccess InsertSession RevokeSession RevokeSessions " +
			"ConfirmSession SetSessionLastSeen DeleteExpiredSessions"},
	{"Keys", keys, "KEKs InsertKEK ServiceKey EnsureServiceKey UserKey InsertUserKey"},
	{"Roles", roles, "Role RoleByName Roles LockRole InsertRole UpdateRole TouchRole DeleteRole GuardedRoles"},
	{"Permissions", permissions,
		"Permission PermissionByName Permissions LockPermission InsertPermission UpdatePermission " +
			"DeletePermission"},
	{"RolePermissions", rolePermissions,
		"RolePermissions RolePermissionIDs RoleIDsWithPermission AddRolePermission RemoveRolePermission"},
	{"Grants", grants, "Grant Grants UpsertGrant DeleteGrant ExpiredGrants GrantOutlasts"},
	{"HasPermission", hasPermission, "HasPermission HasPermissionWithKey CheckAccess ExplainAccess"},
	{"HasAllPermissions", hasAllPermissions, "HasAllPermissionsOfUser HasAllPermissionsOfRole CallerPermissions"},
	{"LastAdministrator", lastAdministrator, "HasAdministrator LockGuardedRoles LockRoleRow"},
	{"APIKeys", apiKeys, "APIKey APIKeys APIKeyIDsWithRole InsertAPIKey RevokeAPIKey AuthenticateAPIKey"},
	{"Attributes", attributes,
		"AttributeDefinition AttributeDefinitions AllAttributeDefinitions InsertAttributeDefinition " +
			"DeleteAttributeDefinition"},
	{"Countries", countries, "Country Countries LockCountry UpdateCountry"},
	{"Settings", settings, "Setting Settings LockSetting UpdateSetting"},
	{"Jobs", jobs, "Jobs LockJob ScheduleJob EnqueueJob SetJobDue ClaimJob FinishJob FailJob ExtendJobLease"},
	{"IdempotencyKeys", idempotencyKeys,
		"IdempotencyKey ClaimIdempotencyKey ReuseIdempotencyKey StoreReply DeleteExpiredIdempotencyKeys"},
	{"OlderTokens", olderTokens, "ConvertSessionToken ConvertAPIKeyToken"},
	{"SetupLinks", setupLinks, "SetupLink LockSetupLink InsertSetupLink MarkSetupLinkUsed DeleteEndedSetupLinks"},
	{"Throttles", throttles,
		"Throttles CountAttempts BlockThrottle UncountAttempt DeleteThrottle DeleteExpiredThrottles"},
	{"RefusedAttempts", refusedAttempts, "CountRefusedAttempt TakeRefusedAttempts"},
	{"EncryptedSamples", encryptedSamples, "SampleEncryptedColumn"},
	{"Reencrypt", reencrypt, "RowKeys SetContactValue LockSession SetSessionValues LockAPIKey SetAPIKeyName"},
	{"Imports", imports, "Import Imports LockImport ImportsByContent InsertImport UpdateImport InitialStatuses"},
	{"UploadedImports", uploadedImports, "OpenImports ImportChunk InsertImportChunk DeleteImportChunks"},
	{"BulkUsers", bulkUsers,
		"InsertUsers ImportedUserEvents IdentifiersByIndex ExistingUserIDs UserKeys ExistingSalts ContactsOfUsers " +
			"CredentialsOfUsers GrantsOfUsers UnchangedUserIDs EraseUsers"},
	{"Audit", audit, "AppendEvent Events"},
	{"AuditMonths", auditMonths, "EnsureAuditMonths AuditMonthsAhead"},
	{"Migrations", migrations, "Migrations HasContraction"},
	{"Nodes", nodes, "Nodes OlderNodes InsertNode SetNodeLastSeen DeleteNode"},
	{"Backfills", backfills, "Backfills BackfillSize"},
	{"Statistics", statistics, "RefreshStatistics"},
	{"Digests", digests, ""},
	{"Transactions", transactions, ""},
	{"LockTimeoutPerTransaction", lockTimeoutPerTransaction, "SetLockTimeout"},
}

// owner is the store of a test, opened as the owner of the schema: a policy lets only the owner write events of another
// time.
var owner = map[*store.Store]*store.Store{}

// Run runs the suite on a fresh migrated database, opened as the role that the service runs as, and as the owner of the
// schema. After each case it calls after.
func Run(t *testing.T, s, asOwner *store.Store, after func()) {
	owner[s] = asOwner
	for _, problem := range coverageProblems(methodNames(), testCases) {
		t.Error(problem)
	}
	for _, c := range testCases {
		t.Run(c.name, func(t *testing.T) { c.test(t, s) })
		after()
	}
}

// RunSorting runs the cases that sort text or ids, on a database with a default collation that does not sort by bytes.
func RunSorting(t *testing.T, open func(t *testing.T) (s, asOwner *store.Store)) {
	s, asOwner := open(t)
	owner[s] = asOwner
	sorting := []string{"UserLists", "Roles", "Permissions", "RolePermissions", "Attributes", "Countries", "Settings",
		"Audit", "Digests"}
	for _, c := range testCases {
		if slices.Contains(sorting, c.name) {
			t.Run(c.name, func(t *testing.T) { c.test(t, s) })
		}
	}
}

// methodNames are the exported methods of Tx, which has all of Reader's.
func methodNames() []string {
	var names []string
	for _, of := range []reflect.Type{reflect.TypeFor[store.Reader](), reflect.TypeFor[store.Tx]()} {
		for i := range of.NumMethod() {
			if name := of.Method(i).Name; !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// coverageProblems lists the methods without a case, and the names in cases that are not methods.
func coverageProblems(methods []string, cases []testCase) []string {
	var problems, covered []string
	for _, c := range cases {
		for _, name := range strings.Fields(c.covers) {
			covered = append(covered, name)
			if !slices.Contains(methods, name) {
				problems = append(problems, "case "+c.name+" covers "+name+", which is not a method of Reader or Tx")
			}
		}
	}
	for _, name := range methods {
		if !slices.Contains(covered, name) {
			problems = append(problems, "no case covers "+name)
		}
	}
	return problems
}

// baseTime is the time of most rows. Its microseconds must be preserved.
var baseTime = time.Date(2026, 3, 14, 9, 26, 53, 589_793_000, time.UTC)

func write(t *testing.T, s *store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// inTx runs fn in a transaction and returns its result.
func inTx[T any](t *testing.T, s *store.Store, fn func(store.Tx) (T, error)) (got T) {
	t.Helper()
	write(t, s, func(tx store.Tx) (err error) {
		got, err = fn(tx)
		return err
	})
	return got
}

// must returns the result of a method, and fails the test on an error.
func must[T any](got T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
}

// txError runs fn in a transaction and returns the error.
func txError[T any](t *testing.T, s *store.Store, fn func(store.Tx) (T, error)) error {
	return s.Write(t.Context(), func(tx store.Tx) error {
		_, err := fn(tx)
		return err
	})
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func wantError(t *testing.T, what string, want, err error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func wantViolation(t *testing.T, constraint string, err error) {
	t.Helper()
	if !dberror.Violates(err, constraint) || !errors.Is(err, cardinal.ErrConflict) {
		t.Errorf("%v, want a violation of %s", err, constraint)
	}
}

// foreignKey is the name in the violation of a foreign key: SQLite does not report which one it is.
func foreignKey(s *store.Store, name string) string {
	if s.Engine() == "sqlite" {
		return "foreign_key"
	}
	return name
}

// readPages reads a list in pages of several sizes, in both orders, and compares it with the whole list, which it
// returns.
func readPages[T any](t *testing.T, id func(T) uuid.UUID, list func(cardinal.Page) ([]T, error)) []T {
	t.Helper()
	all := must(list(cardinal.Page{Limit: 1000}))(t)
	ids := make([]uuid.UUID, len(all))
	for i, item := range all {
		ids[i] = id(item)
		if i > 0 && bytes.Compare(ids[i-1][:], ids[i][:]) >= 0 {
			t.Errorf("not sorted by id: %s before %s", ids[i-1], ids[i])
		}
	}
	for _, descending := range []bool{false, true} {
		for _, limit := range []int{1, 2, 3, len(ids), len(ids) + 1} {
			if limit == 0 || len(ids)/limit > 40 {
				continue
			}
			p := cardinal.Page{Limit: limit, Descending: descending}
			var read []uuid.UUID
			for {
				found := must(list(p))(t)
				if len(found) > limit+1 {
					t.Fatalf("a page of %d has %d", limit, len(found))
				}
				page := cardinal.PageOf(found, limit)
				for _, item := range page.Data {
					read = append(read, id(item))
				}
				if !page.HasMore || len(read) > len(ids) { // more than there are: a page was repeated
					break
				}
				p.After = read[len(read)-1]
			}
			want := slices.Clone(ids)
			if descending {
				slices.Reverse(want)
			}
			if !slices.Equal(read, want) {
				t.Errorf("pages of %d, descending %v: %v, want %v", limit, descending, read, want)
			}
			if len(want) > 0 {
				p.After = want[len(want)-1]
				if rest := must(list(p))(t); len(rest) != 0 {
					t.Errorf("after the last id, descending %v: %v", descending, rest)
				}
			}
		}
	}
	return all
}

// contextFor returns a context that ends with the test or after a time, for calls that must not wait.
func contextFor(t *testing.T, d time.Duration) context.Context {
	ctx, stop := context.WithTimeout(t.Context(), d)
	t.Cleanup(stop)
	return ctx
}

// wantDigest compares a stamp's digest with the digest that every engine and every later version must compute for the
// row.
func wantDigest(t *testing.T, got cardinal.RowDigest, want string) {
	t.Helper()
	if digest := hex.EncodeToString(got.Digest); digest != want {
		t.Errorf("digest of %s %s: %s, want %s", got.Table, got.Key, digest, want)
	}
}

// ciphertext is a value with the form of an encrypted one.
func ciphertext(length int) []byte { return append([]byte{1}, make([]byte, length-1)...) }

// keyedToken is a value with the form of a token under the service key; its last byte is n.
func keyedToken(n byte) []byte { return append(append([]byte{2}, make([]byte, 31)...), n) }

// fixedID is an id that is the same in every run; its last two bytes are n.
func fixedID(n int) uuid.UUID {
	id := cardinal.IDAt(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	id[14], id[15] = byte(n>>8), byte(n)
	return id
}

func ptr[T any](v T) *T { return &v }

func minimalProfile(userID uuid.UUID) store.ProfileRecord {
	return store.ProfileRecord{UserID: userID, Locale: "und", TimeZone: "UTC", Preferences: map[string]any{},
		CreatedAt: baseTime, UpdatedAt: baseTime, Version: 1, SchemaVersion: 1}
}

func newUser(t *testing.T, s *store.Store, kind string) uuid.UUID {
	t.Helper()
	return insertUser(t, s, cardinal.NewID(), kind).ID
}

func insertUser(t *testing.T, s *store.Store, id uuid.UUID, kind string) (u store.UserRecord) {
	t.Helper()
	write(t, s, func(tx store.Tx) (err error) {
		if u, err = tx.InsertUser(t.Context(), id, kind, "create", baseTime); err != nil {
			return err
		}
		return tx.InsertProfile(t.Context(), minimalProfile(id))
	})
	return u
}

func newContact(t *testing.T, s *store.Store, userID uuid.UUID) store.ContactRecord {
	t.Helper()
	c := store.ContactRecord{UserID: userID, ID: cardinal.NewID(), Kind: "email", ValueSealed: ciphertext(50),
		CreatedAt: baseTime, UpdatedAt: baseTime, Version: 1, SchemaVersion: 1, GivenBy: "administrator"}
	write(t, s, func(tx store.Tx) error { return tx.InsertContact(t.Context(), c) })
	return c
}

func newRole(t *testing.T, s *store.Store, name string, permissions ...string) cardinal.Role {
	t.Helper()
	role := cardinal.Role{ID: cardinal.NewID(), Name: name, Description: "A role.", IsAssignable: true,
		CreatedAt: baseTime, UpdatedAt: baseTime, Version: 1}
	write(t, s, func(tx store.Tx) error {
		if got := must(tx.InsertRole(t.Context(), role))(t); got != role {
			t.Errorf("InsertRole: %v, want %v", got, role)
		}
		for _, name := range permissions {
			p := must(tx.PermissionByName(t.Context(), name))(t)
			if !must(tx.AddRolePermission(t.Context(), role.ID, p.ID, baseTime))(t) {
				t.Errorf("AddRolePermission of %s: false", name)
			}
		}
		return nil
	})
	return role
}

func roleID(t *testing.T, s *store.Store, name string) uuid.UUID {
	t.Helper()
	return must(s.Read(t.Context()).RoleByName(t.Context(), name))(t).ID
}

func grant(t *testing.T, s *store.Store, userID, roleID uuid.UUID, expires *time.Time) cardinal.Grant {
	t.Helper()
	return inTx(t, s, func(tx store.Tx) (cardinal.Grant, error) {
		return tx.UpsertGrant(t.Context(), cardinal.Grant{UserID: userID, RoleID: roleID, GrantedBy: cardinal.SystemID,
			CreatedAt: baseTime, ExpiresAt: expires})
	})
}

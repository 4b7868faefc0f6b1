package throttle

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/google/uuid"

	"cardinal"
)

// A device token is a prefix, then the id of the device and a MAC, in base64url. The MAC covers the user and the time
// when the password was set: with another password, all device tokens of the user are invalid. It is not stored, and it
// does not sign in by itself.
const (
	devicePrefix = "cd_"
	deviceBytes  = 16 + 32
)

// NewDevice returns a device token for a user with a password of that time, for the device that signed in. A device
// that has a valid token keeps its id.
func (t *Throttle) NewDevice(device, user uuid.UUID, passwordSetAt time.Time) cardinal.Secret {
	if device == uuid.Nil {
		device = cardinal.NewID()
	}
	mac := t.deviceMAC(device, user, passwordSetAt)
	return cardinal.Secret(devicePrefix + base64.RawURLEncoding.EncodeToString(append(device[:], mac[:]...)))
}

// Device returns the id of the device that a token was made for; uuid.Nil unless it is valid for the user and the
// current password.
func (t *Throttle) Device(token cardinal.Secret, user uuid.UUID, passwordSetAt time.Time) uuid.UUID {
	encoded, ok := strings.CutPrefix(token.Reveal(), devicePrefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(deviceBytes) {
		return uuid.Nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return uuid.Nil
	}
	device := uuid.UUID(raw[:16])
	if mac := t.deviceMAC(device, user, passwordSetAt); !hmac.Equal(mac[:], raw[16:]) {
		return uuid.Nil
	}
	return device
}

func (t *Throttle) deviceMAC(device, user uuid.UUID, passwordSetAt time.Time) [32]byte {
	at := binary.BigEndian.AppendUint64(nil, uint64(passwordSetAt.UnixMicro()))
	return t.key.MAC("device token", device[:], user[:], at)
}

package vault

import "zhenglian/node/blob"

// Keys is where records are kept.
type Keys = keySpace

// Between puts something between the store and what it writes to.
func (v *Vault) Between(keys func(Keys) Keys, objects func(blob.Objects) blob.Objects) {
	v.keys, v.objects = keys(v.keys), objects(v.objects)
}

// Package keys keeps the signing keys of people and programs in files.
//
// A keyring is a directory, one key a file, DIR/NAME.json:
//
//	{
//	  "v": 1,
//	  "name": "officer1",
//	  "member": "hangzhou-amr",
//	  "account": "40 hex digits, derived from type and public key",
//	  "type": "secp256k1 | sm2 | mldsa65",
//	  "public_key": "hex",
//	  "roles": ["officer"],
//	  "secret": {"plain": "64 hex digits"}
//	}
//
// The secret is one of three:
//
//   - absent: the file holds a public key only, such as a colleague's;
//   - {"plain": hex}: readable by whoever can read the file. For demonstrations
//     and for machines whose disk is protected in other ways;
//   - {"scrypt": {"log_n": …, "salt": hex}, "nonce": hex, "box": hex}: the 32
//     secret bytes under XChaCha20-Poly1305 with a key that scrypt (RFC 7914,
//     N = 2^log_n, r = 8, p = 1) derives from a passphrase. The additional data
//     are the member and the account, so a box moved to another file does not
//     open.
//
// A file that holds a secret and is accessible to anybody but its owner is
// refused ([ErrPermissions]), like ssh does. Files are written whole or not at
// all and never over another one: a lost key cannot be made again.
//
// Name and roles are labels for people. What an account may do is written on
// the ledger, and the secret is checked against the public key when it is
// opened, so a file that was tampered with cannot sign in another's name.
package keys

// Package lab changes a copy of a bundle in every way it knows, and shows which
// check of the verifier catches each change. A court can run it on the very bundle
// before it; the tests run it as the negative suite of package bundle.
//
//	result, err := lab.Run(ctx, bytes, trust, bundle.Options{})
//	for _, o := range result.Outcomes { … o.ID, o.Caught, o.By … }
//
// Changes are of three sorts:
//
//   - damage: what a bad disk, a careless edit or a curious person does;
//   - archive: ZIP files that two programs would read differently;
//   - forgery: the manifest, the salted root and every digest are computed again
//     after the change, as somebody would who knows the format and means harm.
//
// A change is caught when the verdict is NOT VERIFIED. A panic of the verifier
// is recovered, and counts as missed.
//
// What the lab does not do: it cannot sign for validators, for members' keys or
// for real time-stamp authorities. A bundle whose forger holds more than two thirds
// of the validators' power is beyond any verifier that trusts these validators.
package lab

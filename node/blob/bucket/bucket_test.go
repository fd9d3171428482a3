package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"zhenglian/node/blob"
	"zhenglian/node/blob/blobtest"
	"zhenglian/node/blob/bucket"
	"zhenglian/node/blob/vault"
)

var server struct {
	endpoint string
	client   *s3.Client
}

// TestMain runs an S3 server of its own, versitygw, in this process: it allows one.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "s3")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for _, sub := range []string{"data", "meta", "versions"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			panic(err)
		}
	}
	side, err := meta.NewSideCar(filepath.Join(dir, "meta"))
	if err != nil {
		panic(err)
	}
	backend, err := posix.New(filepath.Join(dir, "data"), side, posix.PosixOpts{
		VersioningDir: filepath.Join(dir, "versions"), SideCarDir: filepath.Join(dir, "meta"), ForceNoTmpFile: true, NewDirPerm: 0o700,
	})
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	addr := l.Addr().String()
	l.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
			RootUserAccess: "tester", RootUserSecret: "testersecret", Region: "us-east-1", Ports: []string{addr},
			MaxConnections: 250, MaxRequests: 100, MultipartMaxParts: 10000, Quiet: true, KeepAlive: true, HealthPath: "/health",
		})
	}()
	server.endpoint = "http://" + addr
	for range 200 {
		if r, err := http.Get(server.endpoint + "/health"); err == nil {
			r.Body.Close()
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	os.Setenv("AWS_ACCESS_KEY_ID", "tester")
	os.Setenv("AWS_SECRET_ACCESS_KEY", "testersecret")
	server.client = s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &server.endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("tester", "testersecret", ""),
	})
	code := m.Run()
	stop()
	<-done
	return code
}

var buckets int

// open makes a bucket, with object lock if lock is not 0, and opens it.
func open(t *testing.T, lock time.Duration) (*bucket.Bucket, string) {
	t.Helper()
	buckets++
	name := fmt.Sprintf("evidence-%d", buckets)
	if _, err := server.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(lock > 0)}); err != nil {
		t.Fatal(err)
	}
	b, err := bucket.Open(t.Context(), config(name, lock))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, name
}

func config(name string, lock time.Duration) bucket.Config {
	return bucket.Config{URL: "s3://" + name + "?region=us-east-1&use_path_style=true&endpoint=" + server.endpoint, Prefix: "objects/", Lock: lock}
}

// vaultOn opens a store whose objects are in a bucket.
func vaultOn(t *testing.T, dir string, o blob.Objects, max int64) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.Context(), vault.Config{Dir: dir, Key: &vault.StoreKey{1}, Objects: o, MaxBytes: max})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// onBucket is a store that remembers its bucket.
type onBucket struct {
	*vault.Vault
	bucket *bucket.Bucket
}

func names(t *testing.T, o blob.Objects) (all []string) {
	t.Helper()
	for name, err := range o.List(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	return all
}

// TestStore runs the suite of all stores over S3, without a lock.
func TestStore(t *testing.T) {
	blobtest.Run(t, blobtest.Harness{
		New: func(t *testing.T) blob.Store {
			b, _ := open(t, 0)
			return onBucket{vaultOn(t, t.TempDir(), b, blobtest.MaxBytes), b}
		},
		Overwrite: func(t *testing.T, s blob.Store, d blob.Digest, bad []byte) {
			o := s.(onBucket)
			all := names(t, o.bucket)
			if len(all) != 1 {
				t.Fatalf("%d objects, want 1", len(all))
			}
			if err := o.bucket.Write(t.Context(), all[0], func(w io.Writer) error { _, err := w.Write(bad); return err }); err != nil {
				t.Fatal(err)
			}
		},
		CheckClean: func(t *testing.T, s blob.Store, want ...blob.Digest) {
			if all := names(t, s.(onBucket).bucket); len(all) != len(want) {
				t.Errorf("%d objects in the bucket, want %d", len(all), len(want))
			}
		},
	})
}

// TestLock stores a file in a bucket with object lock and tries to get rid of it
// with the store's own credentials.
func TestLock(t *testing.T) {
	ctx := t.Context()
	b, name := open(t, time.Hour)
	dir := t.TempDir()
	v := vaultOn(t, dir, b, 0)
	evidence := bytes.Repeat([]byte("evidence "), 1<<20) // 9 MiB: in several parts
	d := blob.Sum(evidence)
	if _, err := v.Put(ctx, d, bytes.NewReader(evidence)); err != nil {
		t.Fatal(err)
	}
	object := names(t, b)[0]
	versions, err := server.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &name})
	if err != nil || len(versions.Versions) != 1 {
		t.Fatalf("versions: %v, %v", versions, err)
	}
	_, err = server.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: versions.Versions[0].Key, VersionId: versions.Versions[0].VersionId})
	if err == nil {
		t.Error("the version was deleted in spite of its lock")
	}
	if err := b.Remove(ctx, object); !errors.Is(err, blob.ErrLocked) {
		t.Errorf("Remove = %v, want ErrLocked", err)
	}
	r, _, err := v.Get(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	r.Close()
	if err != nil || !bytes.Equal(got, evidence) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	part, _, err := v.Range(ctx, d, 5<<20, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(part); err != nil || !bytes.Equal(got, evidence[5<<20:5<<20+1000]) {
		t.Errorf("a range: %d bytes, %v", len(got), err)
	}
	part.Close()

	// What is stored again lies in a new object; the old one stays, locked.
	if _, err := v.Put(ctx, d, bytes.NewReader(evidence)); err != nil {
		t.Fatal(err)
	}
	if left, err := v.Sweep(ctx); err != nil || left != 1 {
		t.Errorf("Sweep = %d, %v, want 1 object that is locked", left, err)
	}
	// A store that is opened again finds its file.
	v.Close()
	again := vaultOn(t, dir, b, 0)
	if _, err := again.Stat(ctx, d); err != nil {
		t.Error(err)
	}
}

// TestLockMissing refuses a bucket that cannot lock when a lock is asked for.
func TestLockMissing(t *testing.T) {
	_, name := open(t, 0)
	if b, err := bucket.Open(t.Context(), config(name, time.Hour)); err == nil {
		b.Close()
		t.Error("a bucket without object lock was accepted")
	}
	if b, err := bucket.Open(t.Context(), config("no-such-bucket", 0)); err == nil {
		b.Close()
		t.Error("a bucket that does not exist was accepted")
	}
	if b, err := bucket.Open(t.Context(), bucket.Config{URL: "mem://"}); err == nil {
		b.Close()
		t.Error("a URL of another kind was accepted")
	}
}

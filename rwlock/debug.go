//go:build threadingdebug

package rwlock

import _ "github.com/gothreading/threading/diagnose" // prints what package watch finds

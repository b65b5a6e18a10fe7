//go:build threadingdebug

package rlock

import _ "github.com/gothreading/threading/diagnose" // prints what package watch finds

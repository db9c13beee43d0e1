#if canImport(Glibc)
import Glibc
#endif

/// The owner of a state directory, where root works in one of the service's: what root makes there the service could not open.
enum StateOwner {
    /// Gives what is root's below a directory to whoever the directory belongs to.
    ///
    /// It does nothing for anybody but root, and in a directory of root's own. No link is followed, as the directory is in other hands.
    static func handOver(_ directory: String) {
        guard geteuid() == 0 else { return }
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        var owner = stat()
        guard fstat(folder, &owner) == 0, owner.st_uid != 0 else {
            close(folder)
            return
        }
        handOver(folder, to: owner, depth: 0)
    }

    /// Folders in folders that proxyd makes: `replaced-…/journal`, `config-history/…`.
    private static let deepest = 8

    /// - Parameter folder: open for reading; it is closed here.
    private static func handOver(_ folder: Int32, to owner: stat, depth: Int) {
        guard let listing = fdopendir(folder) else {
            close(folder)
            return
        }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = StateFiles.name(of: entry)
            var status = stat()
            guard name != ".", name != "..", fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            if isFolder, depth < deepest {
                let inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                if inner >= 0 { handOver(inner, to: owner, depth: depth + 1) }
            }
            // A file with another name elsewhere may be anybody's.
            guard status.st_uid == 0, isFolder || status.st_nlink == 1 else { continue }
            _ = fchownat(folder, name, owner.st_uid, owner.st_gid, AT_SYMLINK_NOFOLLOW)
        }
    }
}

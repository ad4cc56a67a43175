using LoraSharp.Files;

namespace LoraSharp.Tests.Files;

public sealed class AtomicFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.At("target");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_is_created_and_replaced()
    {
        Write("1", "a.txt", "b.txt");
        Assert.Equal("a.txt=1 b.txt=1", Content());
        Write("2", "a.txt", "b.txt", "c.txt");
        Assert.Equal("a.txt=2 b.txt=2 c.txt=2", Content());
    }

    [Fact]
    public void What_else_the_folder_holds_stays()
    {
        Directory.CreateDirectory(Path.Combine(Target, "sub"));
        File.WriteAllText(Path.Combine(Target, "note.txt"), "mine");
        File.WriteAllText(Path.Combine(Target, "sub", "note.txt"), "mine");
        Write("1", "a.txt", Path.Combine("sub", "b.txt"));
        Assert.Equal("a.txt=1 note.txt=mine sub/b.txt=1 sub/note.txt=mine", Content());
        Write("2", "a.txt", Path.Combine("sub", "b.txt"));
        Assert.Equal("a.txt=2 note.txt=mine sub/b.txt=2 sub/note.txt=mine", Content());
    }

    [Fact]
    public void A_file_deep_inside_that_is_not_replaced_stays()
    {
        Directory.CreateDirectory(Path.Combine(Target, "sub"));
        File.WriteAllText(Path.Combine(Target, "sub", "note.txt"), "mine");
        Write("1", Path.Combine("sub", "b.txt"));
        Assert.Equal("sub/b.txt=1 sub/note.txt=mine", Content());
    }

    [Fact]
    public void The_whole_folder_is_replaced_when_that_is_asked_for()
    {
        Write("1", "a.txt", "b.txt");
        AtomicFolder.Write(Target, temporary => File.WriteAllText(Path.Combine(temporary, "c.txt"), "2"), keepOthers: false);
        Assert.Equal("c.txt=2", Content());
    }

    [Fact]
    public void A_writer_that_fails_leaves_the_old_folder()
    {
        Write("1", "a.txt");
        foreach (bool keepOthers in (bool[])[true, false])
        {
            Assert.Throws<IOException>(() => AtomicFolder.Write(Target, temporary =>
            {
                File.WriteAllText(Path.Combine(temporary, "a.txt"), "2");
                throw new IOException("No space left on device");
            }, keepOthers));
            Assert.Equal("a.txt=1", Content());
        }
    }

    [Fact]
    public void A_failed_first_write_leaves_nothing()
    {
        Assert.Throws<IOException>(() => AtomicFolder.Write(Target, _ => throw new IOException("No space left on device")));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_file_in_the_way_is_an_error()
    {
        File.WriteAllText(Target, "a file");
        Assert.Contains("is a file", Assert.Throws<IOException>(() => Write("1", "a.txt")).Message, StringComparison.Ordinal);
        Assert.Equal("a file", File.ReadAllText(Target));
    }

    // Every state in which a process can die, as it lies on the disk.
    [Theory]
    [InlineData("target/a.txt=1 target.lorasharp-tmp/a.txt=2", "a.txt=1")]
    [InlineData("target.lorasharp-tmp/a.txt=2", "")]
    [InlineData("target/a.txt=1 target.replace.lorasharp-tmp/a.txt=2", "a.txt=2")]
    [InlineData("target.old.lorasharp-tmp/a.txt=1 target.replace.lorasharp-tmp/a.txt=2", "a.txt=2")]
    [InlineData("target.old.lorasharp-tmp/a.txt=1 target/a.txt=2", "a.txt=2")]
    [InlineData("target/a.txt=1 target/n.txt=0 target.merge.lorasharp-tmp/a.txt=2 target.merge.lorasharp-tmp/b.txt=2", "a.txt=2 b.txt=2 n.txt=0")]
    [InlineData("target/a.txt=2 target/n.txt=0 target.merge.lorasharp-tmp/b.txt=2", "a.txt=2 b.txt=2 n.txt=0")]
    public void Recovery_gives_the_old_folder_or_the_new_one(string state, string expected)
    {
        foreach (string[] entry in state.Split(' ').Select(e => e.Split('=')))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder.At(entry[0]))!);
            File.WriteAllText(_folder.At(entry[0]), entry[1]);
        }

        AtomicFolder.Recover(Target + Path.DirectorySeparatorChar);
        Assert.Equal(expected, Content(onlyEntry: false));
        AtomicFolder.Recover(Target);
        Assert.Equal(expected, Content(onlyEntry: false));

        // The next save leaves no trace of the one that was killed.
        Write("3", "a.txt");
        Assert.Equal(["target"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName));
        Assert.Contains("a.txt=3", Content(), StringComparison.Ordinal);
    }

    private void Write(string content, params string[] names) => AtomicFolder.Write(Target, temporary =>
    {
        foreach (string name in names)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(temporary, name))!);
            File.WriteAllText(Path.Combine(temporary, name), content);
        }
    });

    private string Content(bool onlyEntry = true)
    {
        if (onlyEntry)
        {
            Assert.Equal([Target], Directory.GetFileSystemEntries(_folder.Path));
        }

        return Directory.Exists(Target)
            ? string.Join(' ', Directory.EnumerateFiles(Target, "*", SearchOption.AllDirectories).Select(f => $"{Path.GetRelativePath(Target, f).Replace('\\', '/')}={File.ReadAllText(f)}").Order(StringComparer.Ordinal))
            : "";
    }
}

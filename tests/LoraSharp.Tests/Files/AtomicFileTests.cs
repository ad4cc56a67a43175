using LoraSharp.Files;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Files;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_written_in_a_folder_that_is_made()
    {
        AtomicFile.WriteText(_folder.At("a", "b", "c.txt"), "é");
        Assert.Equal([0xC3, 0xA9], File.ReadAllBytes(_folder.At("a", "b", "c.txt")));
        AtomicFile.WriteText(_folder.At("a", "b", "c.txt"), "new");
        Assert.Equal("new", File.ReadAllText(_folder.At("a", "b", "c.txt")));
        Assert.Single(Directory.GetFileSystemEntries(_folder.At("a", "b")));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000)]
    public void A_writer_that_fails_leaves_the_old_file(int written)
    {
        string path = _folder.At("a.bin");
        File.WriteAllText(path, "old");
        File.WriteAllText(path + AtomicFile.TemporarySuffix, "left by a save that was killed");
        Assert.Throws<IOException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write(new byte[written]);
            throw new IOException("No space left on device");
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_full_disk_leaves_the_old_file()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "This system has no /dev/full.");
        string path = _folder.At("a.safetensors");
        using Tensor values = rand(100_000);
        SafeTensorsWriter.Write(path, new Dictionary<string, Tensor> { ["old"] = values });
        File.CreateSymbolicLink(path + AtomicFile.TemporarySuffix, "/dev/full");
        Assert.Throws<IOException>(() => SafeTensorsWriter.Write(path, new Dictionary<string, Tensor> { ["new"] = values }));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        Assert.True(file.Load("old").eq(values).all().item<bool>());
    }
}

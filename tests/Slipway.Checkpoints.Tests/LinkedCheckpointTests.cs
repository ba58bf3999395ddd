using Slipway.Testing;

namespace Slipway.Checkpoints.Tests;

// A folder as huggingface_hub lays it out: a snapshot of links into a folder of blobs.
public sealed class LinkedCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_SnapshotOfLinks_ReadsWhatTheyLeadTo()
    {
        using var whole = Checkpoint.Open(SharedAssets.Path("tiny", "qwen2"));
        Directory.CreateDirectory(_folder["plain"]);
        CheckpointFiles.Shard(whole, _folder["plain"], shards: 2);
        var snapshot = Link(_folder["plain"]);

        using var linked = Checkpoint.Open(snapshot);
        using var throughIndex = Checkpoint.Open(Path.Combine(snapshot, "model.safetensors.index.json"));

        Assert.Equal(whole.Tensors.Keys.Order(), linked.Tensors.Keys.Order());
        Assert.Equal(whole.Config.ToJsonString(), throughIndex.Config.ToJsonString());
        foreach (var tensor in whole.Tensors.Values)
        {
            Assert.Equal(CheckpointFiles.Bytes(whole, tensor.Name), CheckpointFiles.Bytes(linked, tensor.Name));
        }
    }

    [Fact]
    public void Open_FolderThatIsALink_ReadsWhatItLeadsTo()
    {
        using var whole = Checkpoint.Open(SharedAssets.Path("tiny", "qwen2"));
        Directory.CreateDirectory(_folder["plain"]);
        CheckpointFiles.Shard(whole, _folder["plain"], shards: 2);
        Directory.CreateSymbolicLink(_folder["link"], Link(_folder["plain"]));
        using var checkpoint = Checkpoint.Open(_folder["link"]);
        Assert.Equal(whole.Tensors.Keys.Order(), checkpoint.Tensors.Keys.Order());
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    public void Open_LinkToNothing_NamesBothEnds(string file)
    {
        var source = SharedAssets.Path("tiny", "llama");
        Directory.CreateDirectory(_folder["plain"]);
        File.Copy(Path.Combine(source, "config.json"), _folder["plain/config.json"]);
        File.Copy(Path.Combine(source, "model.safetensors"), _folder["plain/model.safetensors"]);
        var snapshot = Link(_folder["plain"]);
        var path = Path.Combine(snapshot, file);
        var target = new FileInfo(path).LinkTarget!;
        File.Delete(Path.GetFullPath(target, snapshot));

        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(snapshot));
        Assert.Equal(
            $"The file '{path}' is a link to '{target}', which is no file. Copy the folder with what its links lead to "
            + "('cp -rL'), or complete the download that made them.", error.Message);
    }

    [Fact]
    public void Open_PointerOfGitLfs_SaysHowToGetTheFile()
    {
        File.WriteAllText(_folder["config.json"], "{}");
        File.WriteAllText(
            _folder["model.safetensors"], "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder.Path));
        Assert.Equal(
            $"The file '{_folder["model.safetensors"]}' is a pointer of Git LFS, not the weights themselves. Run 'git "
            + "lfs pull' in its repository.", error.Message);
    }

    private string Link(string plain)
    {
        var (blobs, snapshot) = (_folder["models--a--b/blobs"], _folder["models--a--b/snapshots/r1"]);
        Directory.CreateDirectory(blobs);
        Directory.CreateDirectory(snapshot);
        foreach (var (file, index) in Directory.GetFiles(plain).Select((file, index) => (file, index)))
        {
            File.Move(file, Path.Combine(blobs, $"{index}"));
            File.CreateSymbolicLink(Path.Combine(snapshot, Path.GetFileName(file)), $"../../blobs/{index}");
        }

        return snapshot;
    }
}

using Slipway.Testing;

namespace Slipway.Packaging.Tests;

public sealed class PackageWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Dispose_WithoutCommit_LeavesNothing()
    {
        using (var writer = new PackageWriter(_folder["package"]))
        {
            writer.Write("model.onnx", [1]);
            Assert.False(Directory.Exists(_folder["package"]));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Commit_Whole_LeavesOnlyThePackage()
    {
        PackageSample.Write(_folder);
        Assert.Equal([_folder["package"]], Directory.EnumerateFileSystemEntries(_folder.Path));
        Assert.Equal(
            ["genai_config.json", "model.onnx", "model.onnx.data", "slipway.json"],
            Directory.EnumerateFiles(_folder["package"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Constructor_ExistingFolder_IsRefused()
    {
        PackageSample.Write(_folder);
        Assert.Equal(
            $"The folder '{_folder["package"]}' exists and stays as it is. Choose another one, or have the package in "
            + "it replaced ('--overwrite', the option Overwrite).",
            Assert.Throws<IOException>(() => new PackageWriter(_folder["package"])).Message);
    }

    [Fact]
    public void Constructor_OverwriteOfOtherFolder_IsRefused()
    {
        Directory.CreateDirectory(_folder["documents"]);
        File.WriteAllText(Path.Combine(_folder["documents"], "letter.txt"), "Dear");
        Assert.Equal(
            $"The folder '{_folder["documents"]}' holds no 'genai_config.json', so it is not a package and is not "
            + "overwritten. Choose another folder.",
            Assert.Throws<IOException>(() => new PackageWriter(_folder["documents"], overwrite: true)).Message);
    }

    [Fact]
    public void Commit_Overwrite_ReplacesAndKeepsOldUntilThen()
    {
        var path = PackageSample.Write(_folder, fill: 1);
        using (var abandoned = new PackageWriter(path, overwrite: true))
        {
            abandoned.Write("model.onnx", [9]);
        }

        Assert.Equal(1, File.ReadAllBytes(Path.Combine(path, "model.onnx"))[0]);
        PackageSample.Write(_folder, overwrite: true, fill: 2);
        Assert.Equal(2, File.ReadAllBytes(Path.Combine(path, "model.onnx"))[0]);
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Constructor_AfterAKill_RemovesWhatWasAbandoned()
    {
        var gone = FolderOfGoneProcess();
        Directory.CreateDirectory(gone);
        File.WriteAllBytes(Path.Combine(gone, "model.onnx.data"), [1]);
        PackageSample.Write(_folder);
        Assert.Equal([_folder["package"]], Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Constructor_AfterAKillBetweenRenames_RestoresTheOldPackage()
    {
        var gone = FolderOfGoneProcess();
        var path = PackageSample.Write(_folder, fill: 5);
        Directory.Move(path, gone + ".replaced");
        Assert.Throws<IOException>(() => new PackageWriter(path));
        Assert.Equal(5, File.ReadAllBytes(ModelPackage.Open(path).ModelPath)[0]);
    }

    [Theory]
    [InlineData(".package.partial-killed")]
    [InlineData(".package.partial-00000000-1-1-AAAAAAAA")]
    public void Constructor_FolderOfAnOwnerElsewhere_IsRemovedWhenADayOld(string name)
    {
        Directory.CreateDirectory(_folder[name]);
        var file = Path.Combine(_folder[name], "model.onnx.data");
        File.WriteAllBytes(file, [1]);
        Directory.SetLastWriteTimeUtc(_folder[name], DateTime.UnixEpoch);
        new PackageWriter(_folder["package"]).Dispose();
        Assert.True(File.Exists(file));

        File.SetLastWriteTimeUtc(file, DateTime.UnixEpoch);
        Directory.SetLastWriteTimeUtc(_folder[name], DateTime.UnixEpoch);
        new PackageWriter(_folder["package"]).Dispose();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Create_FolderRemovedDuringTheRun_IsToldAndTheFolderStaysGone()
    {
        using var writer = new PackageWriter(_folder["package"]);
        writer.Write("model.onnx.data", [1]);
        Directory.Delete(writer.Folder, recursive: true);

        AssertDisturbed(writer, "the folder is gone", () => writer.Write("model.onnx", [1]));
        AssertDisturbed(writer, "the folder is gone", () => writer.Write("adapters/a.safetensors", [1]));
        AssertDisturbed(writer, "the folder is gone", () => writer.Commit(new PackageManifest()));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("removed", "'model.onnx.data' is gone")]
    [InlineData("cut", "'model.onnx.data' has 1 bytes, and 3 were written")]
    [InlineData("altered", "'model.onnx.data' holds other bytes than were written")]
    [InlineData("added", "'sub/other.bin' was added")]
    [InlineData("made again", "'adapters/a.safetensors' is gone")]
    public void Commit_FolderChangedDuringTheRun_IsRefused(string change, string expected)
    {
        using var writer = new PackageWriter(_folder["package"]);
        writer.Write("adapters/a.safetensors", [4]);
        writer.Write("model.onnx.data", [1, 2, 3]);
        var data = Path.Combine(writer.Folder, "model.onnx.data");
        switch (change)
        {
            case "removed":
                File.Delete(data);
                break;
            case "cut":
                File.WriteAllBytes(data, [1]);
                break;
            case "altered":
                File.WriteAllBytes(data, [1, 2, 4]);
                break;
            case "added":
                Directory.CreateDirectory(Path.Combine(writer.Folder, "sub"));
                File.WriteAllBytes(Path.Combine(writer.Folder, "sub", "other.bin"), [1]);
                break;
            default:
                Directory.Delete(writer.Folder, recursive: true);
                Directory.CreateDirectory(writer.Folder);
                break;
        }

        AssertDisturbed(writer, expected, () => writer.Commit(new PackageManifest()));
        writer.Dispose();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Commit_FileStillOpen_IsRefused()
    {
        using var writer = new PackageWriter(_folder["package"]);
        using var stream = writer.Create("model.onnx");
        Assert.Equal(
            "The file 'model.onnx' is still being written. Dispose its stream before the package is committed.",
            Assert.Throws<InvalidOperationException>(() => writer.Commit(new PackageManifest())).Message);
    }

    [Fact]
    public void Delete_File_IsWrittenAnew()
    {
        using var writer = new PackageWriter(_folder["package"]);
        writer.Write("model.onnx", [1]);
        writer.Delete("model.onnx");
        writer.Write("model.onnx", [2, 3]);
        Assert.Equal(2, Assert.Single(writer.Commit(new PackageManifest()).Files).Bytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Commit_ManyWritersOfOneTarget_LeaveOneWholePackage(bool overwrite)
    {
        const int Writers = 4, Rounds = 25;
        for (byte round = 0; round < Rounds; round++)
        {
            var written = 0;
            Parallel.For(0, Writers, new ParallelOptions { MaxDegreeOfParallelism = Writers }, index =>
            {
                try
                {
                    PackageSample.Write(_folder, "package", overwrite, (byte)index);
                    Interlocked.Increment(ref written);
                }
                catch (IOException exception) when (!overwrite)
                {
                    Assert.Equal(
                        $"The folder '{_folder["package"]}' exists and stays as it is. Choose another one, or have the "
                        + "package in it replaced ('--overwrite', the option Overwrite).",
                        exception.Message);
                }
            });
            Assert.Equal(overwrite ? Writers : 1, written);
            Assert.Equal([_folder["package"]], Directory.EnumerateFileSystemEntries(_folder.Path));
            ModelPackage.Open(_folder["package"], PackageVerification.Full);
            Directory.Delete(_folder["package"], recursive: true);
        }
    }

    [Theory]
    [InlineData(235, "p")]
    [InlineData(255, "p")]
    [InlineData(255, "ä€😀")]
    public void Commit_NameAsLongAsFileSystemsTake_IsWritten(int bytes, string letters)
    {
        var name = string.Concat(Enumerable.Repeat(letters, bytes / System.Text.Encoding.UTF8.GetByteCount(letters)));
        name += new string('x', bytes - System.Text.Encoding.UTF8.GetByteCount(name));
        PackageSample.Write(_folder, name);
        PackageSample.Write(_folder, name, overwrite: true, fill: 9);
        Assert.Equal(9, File.ReadAllBytes(ModelPackage.Open(_folder[name]).ModelPath)[0]);
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Constructor_NameLongerThanFileSystemsTake_IsRefusedAtOnce()
    {
        var path = _folder[new string('p', 256)];
        Assert.Equal(
            $"The name of the folder '{path}' has 256 bytes; file systems take at most 255. Choose a shorter one.",
            Assert.Throws<PathTooLongException>(() => new PackageWriter(path)).Message);
    }

    [Fact]
    public void Constructor_NameThatBeginsLikeAnother_LeavesTheOthersFolderAlone()
    {
        using var other = new PackageWriter(_folder[new string('p', 250) + "-a"]);
        using var pattern = new PackageWriter(_folder["*"]);
        var gone = FolderOfGoneProcess();
        Directory.CreateDirectory(gone);
        new PackageWriter(_folder[new string('p', 250) + "-b"]).Dispose();
        new PackageWriter(_folder["*"]).Dispose();
        Assert.True(Directory.Exists(other.Folder) && Directory.Exists(pattern.Folder) && Directory.Exists(gone));
    }

    [Fact]
    public void Commit_TargetIsALink_WritesWhereItLeads()
    {
        Directory.CreateDirectory(_folder["disk"]);
        File.CreateSymbolicLink(_folder["package"], Path.Combine("disk", "v1"));
        PackageSample.Write(_folder, fill: 1);
        PackageSample.Write(_folder, overwrite: true, fill: 2);
        Assert.NotNull(new DirectoryInfo(_folder["package"]).LinkTarget);
        Assert.Equal(2, File.ReadAllBytes(Path.Combine(_folder["disk"], "v1", "model.onnx"))[0]);
        Assert.Equal([Path.Combine(_folder["disk"], "v1")], Directory.EnumerateFileSystemEntries(_folder["disk"]));
    }

    [Fact]
    public void Constructor_WhileAnotherWrites_LeavesItsFolderAlone()
    {
        using var first = new PackageWriter(_folder["package"]);
        first.Write("model.onnx", [1]);
        using var second = new PackageWriter(_folder["package"]);
        Assert.True(File.Exists(Path.Combine(first.Folder, "model.onnx")));
    }

    [Theory]
    [InlineData("../model.onnx")]
    [InlineData("/model.onnx")]
    [InlineData("a//b")]
    [InlineData("")]
    public void Create_NameOutsideThePackage_IsRefused(string name)
    {
        using var writer = new PackageWriter(_folder["package"]);
        Assert.Throws<ArgumentException>(() => writer.Create(name));
    }

    private void AssertDisturbed(PackageWriter writer, string how, Action act)
        => Assert.Equal(
            $"The package '{_folder["package"]}' is not written, because another program changed the folder "
            + $"'{writer.Folder}' in which it was being made: {how}. Keep programs that clean up away from it and "
            + "export again.",
            Assert.Throws<IOException>(act).Message);

    // As this process's, but of one that had its id before.
    private string FolderOfGoneProcess()
    {
        using var writer = new PackageWriter(_folder["package"]);
        var parts = writer.Folder.Split('-');
        var start = Array.FindIndex(parts, part => part.EndsWith(".package.partial", StringComparison.Ordinal)) + 3;
        parts[start] += "0";
        return string.Join('-', parts);
    }
}

using Slipway.Testing;

namespace Slipway.Packaging.Tests;

public sealed class PackageWriterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Dispose_WithoutCommit_LeavesNothing()
    {
        using (var writer = new PackageWriter(folder["package"]))
        {
            writer.Write("model.onnx", [1]);
            Assert.False(Directory.Exists(folder["package"]));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Commit_Whole_LeavesOnlyThePackage()
    {
        PackageSample.Write(folder);
        Assert.Equal([folder["package"]], Directory.EnumerateFileSystemEntries(folder.Path));
        Assert.False(File.Exists(Path.Combine(folder["package"], ".lock")));
    }

    [Fact]
    public void Constructor_ExistingFolder_IsRefused()
    {
        PackageSample.Write(folder);
        Assert.Equal(
            $"The folder '{folder["package"]}' exists. Choose another, or allow it to be overwritten.",
            Assert.Throws<IOException>(() => new PackageWriter(folder["package"])).Message);
    }

    [Fact]
    public void Constructor_OverwriteOfOtherFolder_IsRefused()
    {
        Directory.CreateDirectory(folder["documents"]);
        File.WriteAllText(Path.Combine(folder["documents"], "letter.txt"), "Dear");
        Assert.Equal(
            $"The folder '{folder["documents"]}' holds no 'genai_config.json', so it is not a package and is not "
            + "overwritten. Choose another folder.",
            Assert.Throws<IOException>(() => new PackageWriter(folder["documents"], overwrite: true)).Message);
    }

    [Fact]
    public void Commit_Overwrite_ReplacesAndKeepsOldUntilThen()
    {
        var path = PackageSample.Write(folder, fill: 1);
        using (var abandoned = new PackageWriter(path, overwrite: true))
        {
            abandoned.Write("model.onnx", [9]);
        }

        Assert.Equal(1, File.ReadAllBytes(Path.Combine(path, "model.onnx"))[0]);
        PackageSample.Write(folder, overwrite: true, fill: 2);
        Assert.Equal(2, File.ReadAllBytes(Path.Combine(path, "model.onnx"))[0]);
        Assert.Single(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Constructor_AfterAKill_RemovesWhatWasAbandoned()
    {
        Directory.CreateDirectory(folder[".package.partial-killed"]);
        File.WriteAllBytes(Path.Combine(folder[".package.partial-killed"], ".lock"), []);
        PackageSample.Write(folder);
        Assert.Single(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Constructor_AfterAKillBetweenRenames_RestoresTheOldPackage()
    {
        var path = PackageSample.Write(folder, fill: 5);
        Directory.Move(path, folder[".package.partial-killed.replaced"]);
        Assert.Throws<IOException>(() => new PackageWriter(path));
        Assert.Equal(5, File.ReadAllBytes(ModelPackage.Open(path).ModelPath)[0]);
    }

    [Fact]
    public void Constructor_WhileAnotherWrites_LeavesItsFolderAlone()
    {
        using var first = new PackageWriter(folder["package"]);
        var file = first.PathOf("model.onnx");
        first.Write("model.onnx", [1]);
        using var second = new PackageWriter(folder["package"]);
        Assert.True(File.Exists(file));
    }

    [Theory]
    [InlineData("../model.onnx")]
    [InlineData("/model.onnx")]
    [InlineData("a//b")]
    [InlineData("")]
    public void PathOf_NameOutsideThePackage_IsRefused(string name)
    {
        using var writer = new PackageWriter(folder["package"]);
        Assert.Throws<ArgumentException>(() => writer.PathOf(name));
    }
}

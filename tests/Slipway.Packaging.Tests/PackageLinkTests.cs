using Slipway.Testing;

namespace Slipway.Packaging.Tests;

/// <summary>Packages that are made of links, as caches of model hubs and Kubernetes lay them out.</summary>
public sealed class PackageLinkTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PackageLinkTests() => PackageSample.Write(_folder);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Open_FilesAreLinksIntoBlobs_ReadsThem(bool relative)
    {
        Directory.CreateDirectory(_folder["blobs"]);
        Directory.CreateDirectory(_folder["snapshot"]);
        foreach (var file in Directory.GetFiles(_folder["package"]))
        {
            var blob = Path.Combine(_folder["blobs"], $"b-{Path.GetFileName(file)}");
            File.Move(file, blob);
            File.CreateSymbolicLink(
                Path.Combine(_folder["snapshot"], Path.GetFileName(file)),
                relative ? Path.GetRelativePath(_folder["snapshot"], blob) : blob);
        }

        AssertOpens("snapshot");
    }

    [Fact]
    public void Open_FilesAreLinksThroughALinkedFolder_ReadsThem()
    {
        LayOutLikeKubernetes();
        AssertOpens("mounted");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Open_FolderIsALink_ReadsIt(bool relative)
    {
        Directory.CreateSymbolicLink(_folder["first"], relative ? "package" : _folder["package"]);
        Directory.CreateSymbolicLink(_folder["second"], relative ? "first" : _folder["first"]);
        AssertOpens("second");
    }

    [Fact]
    public void Open_LinkedDataAltered_IsRefusedByTheSizeOfWhatItLeadsTo()
    {
        LayOutLikeKubernetes();
        File.WriteAllBytes(Path.Combine(_folder["mounted"], "..2025", "model.onnx.data"), new byte[99]);
        var link = Path.Combine(_folder["mounted"], "model.onnx.data");
        Assert.Equal(
            $"The file '{link}' has 99 bytes; 'slipway.json' says 100. It is incomplete or altered: copy or export the "
            + "package again.",
            Refused(_folder["mounted"]));
    }

    [Fact]
    public void Open_LinkLeadsNowhere_SaysWhere()
    {
        LayOutLikeKubernetes();
        File.Delete(Path.Combine(_folder["mounted"], "..data"));
        Assert.Equal(
            $"'{Path.Combine(_folder["mounted"], "genai_config.json")}' is a link to "
            + $"'{Path.Combine("..data", "genai_config.json")}', which does not exist. Copy or fetch the package "
            + "again, with what its links lead to.",
            Refused(_folder["mounted"]));

        Directory.CreateSymbolicLink(_folder["lost"], "nowhere");
        Assert.Equal(
            $"'{_folder["lost"]}' is a link to 'nowhere', which does not exist. Copy or fetch the package again, with "
            + "what its links lead to.",
            Refused(_folder["lost"]));
    }

    [Fact]
    public void Open_LinkToItself_IsRefused()
    {
        var data = Path.Combine(_folder["package"], "model.onnx.data");
        File.Delete(data);
        File.CreateSymbolicLink(data, "model.onnx.data");
        Assert.Contains($"'{data}'", Refused(_folder["package"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_File_SaysThatAPackageIsAFolder()
    {
        var file = Path.Combine(_folder["package"], "model.onnx");
        Assert.Equal(
            $"'{file}' is a file; a package is a folder. Give the folder that it lies in.", Refused(file));
    }

    private static string Refused(string path)
        => Assert.Throws<PackageException>(() => ModelPackage.Open(path)).Message;

    private void LayOutLikeKubernetes()
    {
        Directory.CreateDirectory(_folder["mounted"]);
        Directory.Move(_folder["package"], Path.Combine(_folder["mounted"], "..2025"));
        Directory.CreateSymbolicLink(Path.Combine(_folder["mounted"], "..data"), "..2025");
        foreach (var file in Directory.GetFiles(Path.Combine(_folder["mounted"], "..2025")))
        {
            File.CreateSymbolicLink(
                Path.Combine(_folder["mounted"], Path.GetFileName(file)),
                Path.Combine("..data", Path.GetFileName(file)));
        }
    }

    private void AssertOpens(string name)
    {
        var package = ModelPackage.Open(_folder[name], PackageVerification.Full);
        Assert.Equal(name, package.Name);
        Assert.Equal(100, package.ListFiles()["model.onnx.data"]);
        Assert.Equal(
            ["genai_config.json", "model.onnx", "model.onnx.data", "slipway.json"], package.ListFiles().Keys);
    }
}

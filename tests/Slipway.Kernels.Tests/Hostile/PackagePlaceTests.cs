using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Hostile;

/// <summary>A package may lie wherever a program or its libraries do.</summary>
public sealed class PackagePlaceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Load_BesideTheProgram_Answers()
    {
        CopyProgram(_folder["app"]);
        Export(_folder["package"]);
        foreach (var file in Directory.EnumerateFiles(_folder["package"]))
        {
            File.Copy(file, Path.Combine(_folder["app"], Path.GetFileName(file)));
        }

        await AssertAnswersAsync(_folder["app"], program: _folder["app"]);
    }

    [Fact]
    public async Task Load_AboveTheProgram_Answers()
    {
        Export(_folder["package"]);
        CopyProgram(_folder["package/bin/app"]);
        await AssertAnswersAsync(_folder["package"], program: _folder["package/bin/app"]);
    }

    [Fact]
    public async Task Load_FilesAreLinks_Answers()
    {
        Export(_folder["blobs"]);
        Directory.CreateDirectory(_folder["package"]);
        foreach (var file in Directory.EnumerateFiles(_folder["blobs"]))
        {
            File.CreateSymbolicLink(Path.Combine(_folder["package"], Path.GetFileName(file)), file);
        }

        await AssertAnswersAsync(_folder["package"]);
    }

    [Fact]
    public async Task Load_FolderIsALink_Answers()
    {
        Export(_folder["blobs"]);
        Directory.CreateSymbolicLink(_folder["package"], _folder["blobs"]);
        await AssertAnswersAsync(_folder["package"]);
    }

    private static async Task AssertAnswersAsync(string package, string? program = null)
        => Assert.StartsWith(
            "answered ", Assert.Single(await ChildProcess.LoadAsync([package], program: program)),
            StringComparison.Ordinal);

    private static void Export(string folder)
        => KernelPackage.Export("llama", folder, Precision.Int4, KeyValuePrecision.Float32);

    private static void CopyProgram(string target)
    {
        foreach (var file in Directory.EnumerateFiles(ChildProcess.Folder, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(target, Path.GetRelativePath(ChildProcess.Folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }
}

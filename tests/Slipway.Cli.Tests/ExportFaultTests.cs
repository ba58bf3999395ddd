using System.Security.Cryptography;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>Exports as processes of their own that are killed or run out of disk: nothing is half written.</summary>
public sealed class ExportFaultTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Export_KilledInTheMiddle_LeavesTheTargetAsItWas(bool overwrites)
    {
        RequireUnix();
        string source = SmallPackage.WriteCheckpoint(_folder), target = _folder["package"];
        if (overwrites)
        {
            Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", target, "--precision", "int4")).Code);
        }

        var before = overwrites ? Read(target) : null;

        // The template is read after the weights were written; a pipe that nobody feeds holds the export there.
        var template = Path.Combine(source, "chat_template.jinja");
        var content = File.ReadAllBytes(template);
        File.Delete(template);
        await ToolProcess.RequireAsync("mkfifo", template);
        using (var export = ToolProcess.Start("exec \"$@\"", "export", source, "-o", target, "--overwrite"))
        {
            while (!HasWeights() && !export.HasExited)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }

            Assert.False(export.HasExited);
            export.Kill();
            await export.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.NotEqual(0, export.ExitCode);
        }

        Assert.Equal(before is not null, Directory.Exists(target));
        if (before is not null)
        {
            Assert.Equal(before, Read(target));
        }

        File.Delete(template);
        File.WriteAllBytes(template, content);
        Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", target, "--overwrite")).Code);
        Assert.Equal(
            new[] { source, target }.Order(StringComparer.Ordinal),
            Directory.GetFileSystemEntries(_folder.Path).Order(StringComparer.Ordinal));
        Assert.Equal(0, (await Tool.RunAsync("generate", target, "-p", "a", "--max-tokens", "2")).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Export_DiskWithoutRoom_SaysSoAndLeavesTheTargetAsItWas(bool overwrites)
    {
        RequireUnix();
        string source = SmallPackage.WriteCheckpoint(_folder), target = _folder["package"];
        if (overwrites)
        {
            Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", target, "--precision", "int4")).Code);
        }

        var before = overwrites ? Read(target) : null;
        var entries = Directory.GetFileSystemEntries(_folder.Path);

        // 100 blocks of 512 bytes; the runtime's own memory files would not fit them.
        var export = await ToolProcess.RunAsync(
            "trap '' XFSZ; ulimit -f 100 && export DOTNET_EnableWriteXorExecute=0 && exec \"$@\"",
            "export", source, "-o", target, "--overwrite");

        Assert.Equal(
            $"slipway: The package '{target}' cannot be written, because its disk is full or allows no file of that "
            + "size: The file 'model.onnx.data' has reached the largest size that is allowed there. Free space or "
            + "choose a folder on another disk; nothing was left behind.",
            export.Error.TrimEnd());
        Assert.Equal(1, export.Code);
        Assert.Equal(entries, Directory.GetFileSystemEntries(_folder.Path));
        if (before is not null)
        {
            Assert.Equal(before, Read(target));
        }
    }

    private static void RequireUnix() => Assert.SkipWhen(
        OperatingSystem.IsWindows(), "Named pipes in folders and limits of file sizes are those of Unix.");

    private static string[] Read(string folder) =>
    [
        .. Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal)
            .Select(file => $"{file} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))}"),
    ];

    private bool HasWeights() => Directory.EnumerateDirectories(_folder.Path, ".package.partial-*")
        .Any(partial => new FileInfo(Path.Combine(partial, "model.onnx.data")) is { Exists: true, Length: > 0 });

}

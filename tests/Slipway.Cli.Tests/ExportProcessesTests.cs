using System.Diagnostics;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>Exports as processes of their own, with other processes and users at work on the same folder.</summary>
public sealed class ExportProcessesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Export_SecondOfTheSameFolderWithoutLocks_DisturbsTheFirstInNothing()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Processes are started by a shell of Unix.");
        using var held = await HeldExport.StartAsync(_folder);
        var second = await ToolProcess.RunAsync(
            "export DOTNET_SYSTEM_IO_DISABLEFILELOCKING=1 && exec \"$@\"",
            "export", SharedAssets.Path("tiny", "llama"), "-o", held.Target, "--overwrite");
        Assert.Equal((0, ""), (second.Code, second.Error));
        Assert.True(Directory.Exists(held.Partial));

        await held.ReleaseAsync();
        Assert.Equal(0, (await Tool.RunAsync("generate", held.Target, "-p", "a", "--max-tokens", "2")).Code);
        AssertNothingIsLeftBeside(held.Target);
    }

    [Theory]
    [InlineData("", "the folder is gone")]
    [InlineData("model.onnx.data", "'model.onnx.data' is gone")]
    public async Task Export_PartialFolderCleanedMeanwhile_FailsAndLeavesNothing(string removed, string how)
    {
        using var held = await HeldExport.StartAsync(_folder);
        if (removed.Length == 0)
        {
            Directory.Delete(held.Partial, recursive: true);
        }
        else
        {
            File.Delete(Path.Combine(held.Partial, removed));
        }

        var error = await Assert.ThrowsAsync<IOException>(held.ReleaseAsync);
        Assert.StartsWith(
            $"The package '{held.Target}' is not written, because another program changed the folder '{held.Partial}' "
            + $"in which it was being made: {how}",
            error.Message, StringComparison.Ordinal);
        AssertNothingIsLeftBeside();
    }

    [Fact]
    public async Task Export_ThreeAtOnce_EachWritesOrIsToldThatOneDid()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Processes are started by a shell of Unix.");
        Process[] runs = [.. Enumerable.Range(0, 3).Select(_ => ToolProcess.Start(
            "exec \"$@\"", "export", SharedAssets.Path("tiny", "llama"), "-o", _folder["package"]))];
        var ended = await Task.WhenAll(runs.Select(ToolProcess.EndAsync));
        Assert.Single(ended, run => run.Code == 0);
        Assert.All(ended.Where(run => run.Code != 0), run => Assert.Equal(
            $"slipway: The folder '{_folder["package"]}' exists and stays as it is. Choose another one, or have the "
            + "package in it replaced ('--overwrite', the option Overwrite).",
            run.Error.Trim()));
        AssertNothingIsLeftBeside(_folder["package"]);
    }

    [Fact]
    public async Task Export_PartialFolderOfAnotherUser_IsLeftAlone()
    {
        const string AsNobody = "setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"";
        await ToolProcess.SkipUnlessAsync(
            AsNobody, "Another user needs root, 'setpriv', and the right to read the tool and the runtime.",
            "dotnet", ToolProcess.Path, "--version");
        var others = _folder[".package.partial-of-another"];
        Directory.CreateDirectory(others);
        File.WriteAllBytes(Path.Combine(others, "model.onnx.data"), [1]);
        File.SetLastWriteTimeUtc(Path.Combine(others, "model.onnx.data"), DateTime.UnixEpoch);
        Directory.SetLastWriteTimeUtc(others, DateTime.UnixEpoch);
        await ToolProcess.RequireAsync("chmod", "700", others);
        await ToolProcess.RequireAsync("chmod", "777", _folder.Path);

        for (var round = 0; round < 2; round++)
        {
            var run = await ToolProcess.RunAsync(
                AsNobody, "export", SharedAssets.Path("tiny", "llama"), "-o", _folder["package"], "--overwrite");
            Assert.Equal((0, ""), (run.Code, run.Error));
        }

        Assert.True(File.Exists(Path.Combine(others, "model.onnx.data")));
    }

    [Fact]
    public async Task Export_SmallDisk_SaysSoAndLeavesNothing()
    {
        var disk = Directory.CreateDirectory(_folder["disk"]).FullName;
        await ToolProcess.SkipUnlessAsync(
            $"mount -t tmpfs -o size=64k none '{disk}'", "This user or container may not mount a file system.");
        try
        {
            var run = await Tool.RunAsync(
                "export", SharedAssets.Path("tiny", "llama"), "-o", Path.Combine(disk, "package"));
            Assert.StartsWith(
                $"slipway: The package '{Path.Combine(disk, "package")}' cannot be written, because its disk is full",
                run.Error, StringComparison.Ordinal);
            Assert.Equal(1, run.Code);
            Assert.Empty(Directory.EnumerateFileSystemEntries(disk));
        }
        finally
        {
            await ToolProcess.RequireAsync("umount", disk);
        }
    }

    private void AssertNothingIsLeftBeside(params string[] expected)
        => Assert.Equal(
            expected.Append(_folder["checkpoint"]).Where(Directory.Exists).Order(StringComparer.Ordinal),
            Directory.GetFileSystemEntries(_folder.Path).Order(StringComparer.Ordinal));

    /// <summary>An export that waits when its weights are written.</summary>
    private sealed class HeldExport : IProgress<ExportProgress>, IDisposable
    {
        private readonly TaskCompletionSource _reached = new();
        private readonly ManualResetEventSlim _release = new();
        private Task? _export;

        public required string Target { get; init; }

        public string Partial { get; private set; } = "";

        public static async Task<HeldExport> StartAsync(TemporaryFolder folder)
        {
            var source = SmallPackage.WriteCheckpoint(folder);
            var held = new HeldExport { Target = folder["package"] };
            held._export = Task.Run(() =>
            {
                using var checkpoint = Checkpoint.Open(source);
                Exporter.Export(checkpoint, held.Target, new ExportOptions { Overwrite = true }, held);
            });
            await Task.WhenAny(held._reached.Task, held._export);
            held.Partial = Assert.Single(Directory.EnumerateDirectories(folder.Path, ".package.partial-*"));
            return held;
        }

        public void Report(ExportProgress value)
        {
            if (value.Done == value.Total)
            {
                _reached.TrySetResult();
                _release.Wait();
            }
        }

        public Task ReleaseAsync()
        {
            _release.Set();
            return _export!;
        }

        public void Dispose()
        {
            _release.Set();
            Task.WaitAny(_export!);
            _release.Dispose();
        }
    }
}

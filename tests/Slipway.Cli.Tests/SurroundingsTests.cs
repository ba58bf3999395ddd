using System.Diagnostics;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>
/// The tool where output, folders, users, memory and libraries are not what it would like: one sentence, code 1.
/// </summary>
public sealed class SurroundingsTests : IDisposable
{
    private const string AsNobody = "exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("exec \"$@\" >&-", "Bad file descriptor")]
    [InlineData("exec \"$@\" > /dev/full", "No space left on device")]
    [InlineData("{ \"$@\"; echo $? > '{0}'; } | true", "Broken pipe")]
    public async Task Output_ThatCannotBeWritten_IsSaid(string shell, string reason)
    {
        RequireLinux();
        var code = _folder["code"];
        var run = await ToolProcess.RunAsync(
            shell.Replace("{0}", code, StringComparison.Ordinal), "inspect", SmallPackage.WritePackage(_folder));
        Assert.Equal($"slipway: Standard output cannot be written: {reason}.", run.Error.Trim());
        Assert.Equal("1", File.Exists(code) ? File.ReadAllText(code).Trim() : $"{run.Code}");
    }

    [Theory]
    [InlineData("exec \"$@\" 2> /dev/full")]
    [InlineData("exec \"$@\" 2>&-")]
    [InlineData("exec \"$@\" 2> /dev/full > /dev/full")]
    public async Task Error_ThatCannotBeWritten_LeavesTheExitCode(string shell)
    {
        RequireLinux();
        Assert.Equal(1, (await ToolProcess.RunAsync(shell, "inspect", _folder["missing"])).Code);
        Assert.Equal(2, (await ToolProcess.RunAsync(shell, "inspect")).Code);
    }

    [Fact]
    public async Task WorkingDirectory_Deleted_IsSaid()
    {
        RequireLinux();
        var gone = _folder["gone"];
        var run = await ToolProcess.RunAsync(
            $"mkdir '{gone}' && cd '{gone}' && rmdir '{gone}' && exec \"$@\"", "inspect", "package");
        Assert.Equal("slipway: The working directory no longer exists. Change to one that does.", run.Error.Trim());
        Assert.Equal(1, run.Code);
    }

    [Theory]
    [InlineData("model.onnx.data")]
    [InlineData("genai_config.json")]
    [InlineData("slipway.json")]
    [InlineData("tokenizer.json")]
    [InlineData("")]
    public async Task Package_OfWhichSomethingMayNotBeRead_IsSaid(string name)
    {
        await RequireOtherUserAsync();
        var package = SmallPackage.WritePackage(_folder);
        await ToolProcess.RequireAsync("chmod", "-R", "a+rX", _folder.Path);
        var path = name.Length == 0 ? package : Path.Combine(package, name);
        await ToolProcess.RequireAsync("chmod", "0", path);
        var run = await ToolProcess.RunAsync(AsNobody, "generate", package, "-p", "a", "--max-tokens", "1");

        // What may not be entered shows in the first file that is looked for.
        var shown = name.Length == 0 ? Path.Combine(package, "genai_config.json") : path;
        Assert.Equal(
            $"slipway: '{shown}' cannot be read: Access to the path '{shown}' is denied. Give the user that runs this "
            + "program the right to read the package and to enter its folder, or copy the package again.",
            run.Error.Trim());
        Assert.Equal(1, run.Code);
    }

    [Fact]
    public async Task Package_InAFolderThatMayNotBeEntered_IsSaid()
    {
        await RequireOtherUserAsync();
        var package = SmallPackage.WritePackage(_folder);
        await ToolProcess.RequireAsync("chmod", "0", _folder.Path);
        var run = await ToolProcess.RunAsync(AsNobody, "generate", package, "-p", "a");
        Assert.StartsWith(
            $"slipway: '{package}' cannot be read: Access to the path '{package}' is denied.", run.Error,
            StringComparison.Ordinal);
        Assert.Equal(1, run.Code);
    }

    [Theory]
    [InlineData("16")]
    [InlineData("80")]
    public async Task Generate_HeapWithAHardLimit_StillHasMemoryForKeysAndValues(string mebibytes)
    {
        RequireLinux();
        var limit = (int.Parse(mebibytes, null) << 20).ToString("x", null);
        var run = await ToolProcess.RunAsync(
            $"export DOTNET_GCHeapHardLimit={limit} && exec \"$@\"",
            "generate", SmallPackage.WritePackage(_folder), "--input-ids", "1,2,3", "--max-tokens", "2",
                "--ignore-eos");
        Assert.Equal((0, ""), (run.Code, run.Error));
    }

    [Fact]
    public async Task Generate_NoRoomForOneToken_NamesTheOptionOfTheCommandLine()
    {
        var package = SmallPackage.WritePackage(_folder);
        var run = await Tool.RunAsync("generate", package, "--input-ids", "1", "--kv-cache-bytes", "100");
        Assert.Equal(
            "slipway: One token needs '768' bytes of KV cache; the budget is '100'. Set KeyValueCacheBytes "
            + "('--kv-cache-bytes' on the command line) to '98304' for the whole context, or to a part of it.",
            run.Error.Trim());
        Assert.Equal(1, run.Code);
        foreach (var verb in new[] { "generate", "chat", "run", "bench" })
        {
            var help = await Tool.RunAsync(verb, "--help");
            Assert.Contains("--kv-cache-bytes", help.Output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("{0}/home")]
    [InlineData("{0}/home/none")]
    public async Task Generate_FreshHome_WritesNothingThereAndSaysNothing(string home)
    {
        RequireLinux();
        var package = SmallPackage.WritePackage(_folder);
        Directory.CreateDirectory(_folder["home"]);
        await ToolProcess.RequireAsync("chmod", home.EndsWith("none", StringComparison.Ordinal)
            ? "500" : "700", _folder["home"]);

        // ONNX Runtime sends nothing where a variable tells of continuous integration; this is a user's shell.
        home = home.Replace("{0}", _folder.Path, StringComparison.Ordinal);
        var run = await ToolProcess.RunAsync(
            $"exec env -i PATH=\"$PATH\" HOME='{home}' DOTNET_ROOT=\"$DOTNET_ROOT\" \"$@\"",
            "generate", package, "-p", "a", "--max-tokens", "100", "--ignore-eos");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["home"]));
    }

    [Theory]
    [InlineData("generate {0} -p a")]
    [InlineData("chat {0} -m a")]
    [InlineData("export {1} -o {0}2 --kv-cache int8")]
    [InlineData("embed {2} -i {3} -o {0}3")]
    [InlineData("train {4}")]
    public async Task Verb_NativeLibraryMissing_NamesThePackageToAdd(string command)
    {
        var package = SmallPackage.WritePackage(_folder);
        var encoder = SharedAssets.Path("all-minilm-l6-v2");
        Assert.Equal(0, (await Tool.RunAsync("export", encoder, "-o", _folder["encoder"])).Code);
        File.WriteAllText(_folder["texts.json"], "[\"a\"]");
        Directory.CreateDirectory(_folder["tool"]);
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory))
        {
            if (Path.GetExtension(file) is ".dll" or ".json")
            {
                File.Copy(file, Path.Combine(_folder["tool"], Path.GetFileName(file)));
            }
        }

        // NuGet keeps no packages here, and has no source of any.
        File.WriteAllText(
            _folder["nuget.config"],
            "<configuration><packageSources><clear /></packageSources></configuration>");
        var recipe = Path.Combine(SharedAssets.Repository, "export-scripts", "device-assistant.json");
        var start = new ProcessStartInfo(
            "dotnet",
            [
                Path.Combine(_folder["tool"], "Slipway.Cli.dll"),
                .. command.Split(' ').Select(argument => string.Format(
                    null, argument, package, _folder["checkpoint"], _folder["encoder"], _folder["texts.json"], recipe)),
            ])
        {
            Environment = { ["NUGET_PACKAGES"] = _folder["none"] },
            WorkingDirectory = _folder.Path,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var run = await ToolProcess.EndAsync(process);
        if (command.StartsWith("train", StringComparison.Ordinal))
        {
            Assert.Matches(
                @"^slipway: this verb computes with TorchSharp; NuGet now downloads 'libtorch-cpu-[\w-]+' [\d.]+, "
                + @"once\.\s+slipway: NuGet did not bring 'libtorch-cpu-[\w-]+' [\d.]+: NU\d+: .* Name a source that "
                + @"has it in a nuget\.config, and see that 'dotnet' is the \.NET SDK\.\s*$",
                run.Error);
        }
        else
        {
            Assert.Equal(
                "slipway: The native library of ONNX Runtime is missing or of another version. Reference the package "
                + "'Slipway.Cpu' in the program, and no other version of 'Microsoft.ML.OnnxRuntime'.",
                run.Error.Trim());
        }

        Assert.Equal(1, run.Code);
    }

    [Theory]
    [InlineData("HUP")]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task Chat_AskedToEnd_SaysSo(string signal)
    {
        RequireLinux();
        using var process = await StartChatAsync("exec env --default-signal \"$@\"");
        await ToolProcess.RequireAsync("kill", $"-{signal}", $"{process.Id}");
        var run = await ToolProcess.EndAsync(process);
        Assert.Equal((130, "slipway: interrupted."), (run.Code, run.Error.Trim()));
    }

    [Fact]
    public async Task Chat_HangupThatTheParentIgnores_GoesOn()
    {
        RequireLinux();
        using var process = await StartChatAsync("trap '' HUP; exec \"$@\"");
        await ToolProcess.RequireAsync("kill", "-HUP", $"{process.Id}");
        process.StandardInput.Close();
        Assert.Equal(0, (await ToolProcess.EndAsync(process)).Code);
    }

    // Returns when the first answer begins.
    private async Task<Process> StartChatAsync(string shell)
    {
        var process = ToolProcess.Start(shell, "chat", SmallPackage.WritePackage(_folder), "--max-tokens", "2");
        await process.StandardInput.WriteLineAsync("a");
        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
        await process.StandardOutput.ReadAsync(new char[1], TestContext.Current.CancellationToken);
        return process;
    }

    private static void RequireLinux()
        => Assert.SkipUnless(OperatingSystem.IsLinux(), "Descriptors, limits and '/dev/full' are those of Linux.");

    private static Task RequireOtherUserAsync() => ToolProcess.SkipUnlessAsync(
        AsNobody.Replace("exec ", "", StringComparison.Ordinal),
        "Another user needs root, 'setpriv', and the right to read the tool and the runtime.",
        "dotnet", ToolProcess.Path, "--version");
}

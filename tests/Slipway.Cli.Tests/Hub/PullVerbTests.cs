using System.Text.Json.Nodes;
using Slipway.Cli.Hub;
using Slipway.Testing;

namespace Slipway.Cli.Tests.Hub;

public sealed class PullVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Pull_OfACheckpoint_IsASourceOfOtherVerbs()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The environment is given by a line of shell.");
        await using var hub = await TestHub.StartAsync();
        foreach (var file in Directory.GetFiles(SmallPackage.WriteCheckpoint(_folder)))
        {
            hub.Files[Path.GetFileName(file)] =
                await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        }

        var shell = $"HF_ENDPOINT={hub.Address} HF_HOME='{_folder["home"]}' HF_TOKEN=secret exec \"$@\"";
        var early = await ToolProcess.RunAsync(shell, "inspect", "hf://owner/model");
        Assert.Equal(1, early.Code);
        Assert.Contains("Run 'slipway pull owner/model' first.", early.Error, StringComparison.Ordinal);

        var pulled = await ToolProcess.RunAsync(shell, "pull", "owner/model", "--json");
        Assert.Equal(hub.Files.Count, pulled.Json["files"]!.AsArray().Count);
        Assert.StartsWith(
            _folder["home/hub/models--owner--model"], (string?)pulled.Json["folder"], StringComparison.Ordinal);
        Assert.All(hub.Requests, request => Assert.Equal("Bearer secret", request.Token));

        var export = await ToolProcess.RunAsync(
            shell, "export", "hf://owner/model@main", "-o", _folder["package"], "--json");
        Assert.NotNull(export.Json);
        var one = await ToolProcess.RunAsync(shell, "inspect", "hf://owner/model/model.safetensors", "--json");
        Assert.NotNull(one.Json);
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/b/c")]
    [InlineData("a--b/c")]
    [InlineData("/etc")]
    public async Task Pull_OfNoName_SaysWhatIsExpected(string name)
    {
        var run = await Tool.RunAsync("pull", name);

        Assert.Equal((1, $"slipway: '{name}' names no repository. Expected OWNER/NAME, as in "
            + "'HuggingFaceTB/SmolLM2-135M-Instruct'."), (run.Code, run.Error.Trim()));
    }

    [Fact]
    public void Settings_FromTheEnvironment_AreThoseOfHuggingFacesClient()
    {
        File.WriteAllText(_folder["token"], "saved\n");
        Dictionary<string, string> environment = new()
        {
            ["HF_ENDPOINT"] = "http://127.0.0.1:1/", ["HF_HOME"] = _folder.Path, ["HF_HUB_OFFLINE"] = "1",
        };

        var settings = HubSettings.FromEnvironment(environment.GetValueOrDefault);
        Assert.Equal(
            (new Uri("http://127.0.0.1:1/"), _folder["hub"], "saved", true),
            (settings.Endpoint, settings.CacheFolder, settings.Token, settings.Offline));

        environment["HF_TOKEN"] = "given";
        environment["HF_HUB_CACHE"] = _folder["elsewhere"];
        settings = HubSettings.FromEnvironment(environment.GetValueOrDefault);
        Assert.Equal((_folder["elsewhere"], "given"), (settings.CacheFolder, settings.Token));

        environment["HF_ENDPOINT"] = "nowhere";
        Assert.Throws<UsageException>(() => HubSettings.FromEnvironment(environment.GetValueOrDefault));
    }

    [Fact]
    public async Task Doctor_OfThisMachine_NamesKernelsProvidersAndLibraries()
    {
        var run = await Tool.RunAsync("doctor", "--json");

        var runtime = run.Json["onnx_runtime"]!;
        Assert.Contains("CPUExecutionProvider", runtime["providers"]!.AsArray().Select(name => (string?)name));
        Assert.True(File.Exists((string?)runtime["library"]), $"'{runtime["library"]}'");
        Assert.InRange((long)run.Json["memory"]!["free_bytes"]!, 1, long.MaxValue);
        var text = await Tool.RunAsync("doctor");
        Assert.Equal(0, text.Code);
        Assert.Matches(@"\n  kernels +(Slipway's: int4 by \w+, int8 by \w+|ONNX Runtime's)\n", text.Output);
        Assert.Matches(@"\n  providers +.*CPUExecutionProvider", text.Output);
    }

    [Fact]
    public async Task Doctor_WithoutAvx2_SaysWhatThatMeans()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The environment is given by a line of shell.");
        var run = await ToolProcess.RunAsync("DOTNET_EnableAVX2=0 exec \"$@\"", "doctor", "--json");

        Assert.Equal("ONNX Runtime's", (string?)run.Json["processor"]!["kernels"]);
        Assert.Contains(
            run.Json["missing"]!.AsArray(),
            row => ((string)row!["what"]!).Contains("AVX2 and FMA", StringComparison.Ordinal));
        Assert.IsType<JsonArray>(run.Json["processor"]!["instructions"]);
    }
}

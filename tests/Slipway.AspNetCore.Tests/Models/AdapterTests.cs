using System.Net;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests.Models;

public sealed class AdapterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task LoadAndUnload_Adapter_IsAModelMeanwhile()
    {
        await using var server = await StartAsync();
        TinyPackage.WriteAdapter(_folder["adapters/poems"], seed: 1);
        var plain = await AskAsync(server, "home");
        Assert.Equal(plain, await AskAsync(server, "house"));
        Assert.Equal((400, null, "invalid_value"), (await CompleteAsync(server, "home:poems")).Error);

        var loaded = await LoadAsync(server, "poems");
        Assert.Equal(
            (HttpStatusCode.OK, "Success: LoRA adapter 'poems' added successfully."), (loaded.Status, loaded.Text));
        Assert.Equal(["home", "home:poems", "house", "house:poems"], await ModelsAsync(server));
        Assert.Equal("home", (string?)(await server.GetAsync("/v1/models/home:poems")).Json["parent"]);
        var adapted = await AskAsync(server, "home:poems");
        Assert.NotEqual(plain, adapted);
        Assert.Equal(adapted, await AskAsync(server, "house:poems"));
        Assert.Equal(plain, await AskAsync(server, "home"));
        Assert.Equal((400, "lora_name", "adapter_exists"), (await LoadAsync(server, "poems")).Error);

        var unloaded = await server.PostAsync("/v1/unload_lora_adapter", """{"lora_name": "poems"}""");
        Assert.Equal(
            (HttpStatusCode.OK, "Success: LoRA adapter 'poems' removed successfully."),
            (unloaded.Status, unloaded.Text));
        Assert.Equal(["home", "house"], await ModelsAsync(server));
        Assert.Equal((400, null, "invalid_value"), (await CompleteAsync(server, "home:poems")).Error);
        Assert.Equal((404, "model", "model_not_found"), (await server.GetAsync("/v1/models/home:poems")).Error);
    }

    [Fact]
    public async Task Load_WrongAdapter_SaysWhatIsWrong()
    {
        await using var server = await StartAsync();
        TinyPackage.WriteAdapter(_folder["adapters/wrong"], seed: 1);
        await File.WriteAllTextAsync(
            _folder["adapters/wrong/adapter_config.json"], """{"peft_type": "LORA", "r": 5, "lora_alpha": 8}""",
            TestContext.Current.CancellationToken);
        var answer = await LoadAsync(server, "wrong");
        Assert.Equal((400, "lora_path", "invalid_adapter"), answer.Error);
        Assert.Contains("the rank 5, but its tensors have the rank 4", answer.Text, StringComparison.Ordinal);
        Assert.Equal(["home", "house"], await ModelsAsync(server));
    }

    [Fact]
    public async Task Load_WithoutAFolderOfAdapters_IsForbidden()
    {
        await using var server = await TestServer.StartAsync(models => models.AddModel(TestServer.Assistant, "home"));
        TinyPackage.WriteAdapter(_folder["adapters/poems"], seed: 1);
        Assert.Equal((403, null, "adapters_disabled"), (await LoadAsync(server, "poems")).Error);
    }

    [Fact]
    public async Task Unload_ModelThatWasIdle_KeepsItsAdapters()
    {
        await using var server = await StartAsync(TimeSpan.FromMilliseconds(50));
        TinyPackage.WriteAdapter(_folder["adapters/poems"], seed: 1);
        Assert.Equal(HttpStatusCode.OK, (await LoadAsync(server, "poems")).Status);
        var adapted = await AskAsync(server, "home:poems");
        while (!server.Log.Lines.Any(line => line.Contains("was unloaded", StringComparison.Ordinal)))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.Equal(adapted, await AskAsync(server, "home:poems"));
        Assert.Equal(adapted, await ChatAsync(server, "home:poems", adapted));
    }

    private Task<TestServer> StartAsync(TimeSpan? idle = null)
    {
        var package = TinyPackage.Adaptable(_folder["package"]);
        Directory.CreateDirectory(_folder["adapters"]);
        return TestServer.StartAsync(
            models => models.AddModel(package, "home", options => options.IdleTimeout = idle).AddAlias("house", "home"),
            options => options.AdaptersPath = _folder["adapters"]);
    }

    private static Task<ServerAnswer> LoadAsync(TestServer server, string name) => server.PostAsync(
        "/v1/load_lora_adapter", $$"""{"lora_name": "{{name}}", "lora_path": "{{name}}"}""");

    private static async Task<string[]> ModelsAsync(TestServer server)
        => [.. (await server.GetAsync("/v1/models")).Json["data"]!.AsArray().Select(model => (string)model!["id"]!)];

    private static Task<ServerAnswer> CompleteAsync(TestServer server, string model) => server.PostAsync(
        "/v1/completions",
        $$"""{"model": "{{model}}", "prompt": "Turn on", "temperature": 0, "max_tokens": 12, "ignore_eos": true}""");

    private static async Task<string> AskAsync(TestServer server, string model)
    {
        var answer = await CompleteAsync(server, model);
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Text);
        return (string)answer.Json["choices"]![0]!["text"]!;
    }

    // The chat's own prompt is another one; that the adapter is there is what counts.
    private static async Task<string> ChatAsync(TestServer server, string model, string result)
    {
        var answer = await server.PostAsync(
            "/v1/chat/completions",
            $$"""{"model": "{{model}}", "max_tokens": 3, "messages": [{"role": "user", "content": "Hello!"}]}""");
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Text);
        return result;
    }
}

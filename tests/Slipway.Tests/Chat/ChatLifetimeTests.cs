using Microsoft.Extensions.AI;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Packaging;
using Slipway.Testing;
using Slipway.Chat;
using Slipway.Loading;
using Slipway.Tests.Engine;
using Slipway.Tests.Engine.Load;
using Slipway.Tokenization;

namespace Slipway.Tests.Chat;

/// <summary>Loads, watches and disposes the models of chat clients.</summary>
public sealed class ChatLifetimeTests
{
    [Fact]
    public async Task Client_LoadedAtStart_LogsItAndIsDisposedOnce()
    {
        var log = new LogLines();
        var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = SharedAssets.Path("genai-packages", "llama-int4"), ModelId = "m",
            Model = new() { LoggerFactory = log },
        });

        await client.LoadAsync(TestContext.Current.CancellationToken);
        await client.DisposeAsync();
        await client.DisposeAsync();

        Assert.Collection(
            log.Lines,
            line => Assert.Matches(
                "^Information: The model 'llama-int4' runs 'model.onnx' on 'cpu' in ONNX Runtime's kernels, sequences "
                + "of up to 128 tokens, keys and values of up to [0-9]+ bytes\\.$", line),
            line => Assert.StartsWith("Information: The model 'm' was loaded from ", line));
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => client.LoadAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Client_OfAMissingFolder_LogsTheFailure()
    {
        var log = new LogLines();
        await using var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = "no-such-folder", ModelId = "m", Model = new() { LoggerFactory = log },
        });

        await Assert.ThrowsAsync<PackageException>(() => client.LoadAsync(TestContext.Current.CancellationToken));

        Assert.StartsWith("Error: The model 'm' could not be loaded from ", Assert.Single(log.Lines));
    }

    [Fact]
    public async Task Model_LongUnused_IsUnloadedAndLoadedAgain()
    {
        var (clock, log) = (new ManualTime(), new LogLines());
        await using var client = new OnnxChatClient(
            new OnnxChatClientOptions
            {
                PackagePath = SharedAssets.Path("genai-packages", "llama-int4"), ModelId = "m",
                IdleTimeout = TimeSpan.FromMinutes(5), Model = new() { LoggerFactory = log },
            },
            clock);
        var options = new ChatOptions { MaxOutputTokens = 4 };
        var first = client.GetService<LanguageModel>()!;
        var before = await client.GetResponseAsync("Hi", options, TestContext.Current.CancellationToken);

        clock.Fire();

        Assert.True(await ProcessState.ComesTrueAsync(() => Record.Exception(
            () => first.GenerateAsync(new() { PromptIds = [1] })) is ObjectDisposedException));
        var after = await client.GetResponseAsync("Hi", options, TestContext.Current.CancellationToken);
        Assert.Equal(before.Text, after.Text);
        Assert.NotSame(first, client.GetService<LanguageModel>());
        Assert.Contains(
            "Information: The model 'm' was unloaded after '00:05:00' without a request; the next one loads it again.",
            log.Lines);
        Assert.Equal(2, log.Lines.Count(line => line.Contains("was loaded from", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Model_UnderARequest_IsNeverUnloaded()
    {
        var clock = new ManualTime();
        List<ScriptedModel> models = [];
        await using var client = new OnnxChatClient(
            new LazyModel<IChatModel>(
                typeof(OnnxChatClient),
                () =>
                {
                    models.Add(ScriptedModel.Answering("abc"));
                    return models[^1];
                },
                TimeSpan.FromMinutes(1), clock),
            "scripted", clock);

        await client.LoadAsync(TestContext.Current.CancellationToken);
        await foreach (var update in client.GetStreamingResponseAsync(
            "Hi", cancellationToken: TestContext.Current.CancellationToken))
        {
            clock.Fire(); // the timer of the load before it, too late
            Assert.False(models[0].IsDisposed);
        }

        Assert.Single(models);
        clock.Fire();
        Assert.True(await ProcessState.ComesTrueAsync(() => models[0].IsDisposed));
        await client.GetResponseAsync("Hi", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(2, models.Count);
    }

    [Fact]
    public async Task Template_OfARequest_IsUsedForItAlone()
    {
        await using var client = new OnnxChatClient(SharedAssets.Path("genai-packages", "llama-int4"));
        var tokenizer = client.GetService<HuggingFaceTokenizer>()!;
        var options = new ChatOptions { MaxOutputTokens = 1 };
        var own = await client.GetResponseAsync("Hi", options, TestContext.Current.CancellationToken);
        ChatOptions[] overridden =
        [
            new()
            {
                MaxOutputTokens = 1,
                AdditionalProperties = new() { ["chat_template"] = "<{{ messages[0].content }}>" },
            },
            new()
            {
                MaxOutputTokens = 1,
                RawRepresentationFactory = _ => new OnnxChatRequestOptions
                {
                    ChatTemplate = "<{{ messages[0].content }}>",
                },
            },
        ];

        Assert.All(
            await Task.WhenAll(overridden.Select(request => client.GetResponseAsync(
                "Hi", request, TestContext.Current.CancellationToken))),
            response => Assert.Equal(
                tokenizer.Encode("<Hi>", addSpecialTokens: false).Length, response.Usage!.InputTokenCount));
        Assert.Equal(
            own.Usage!.InputTokenCount,
            (await client.GetResponseAsync("Hi", options, TestContext.Current.CancellationToken)).Usage!
                .InputTokenCount);
    }

    [Fact]
    public async Task Template_OfARequest_ThatIsBroken_FailsItAlone()
    {
        await using var client = new OnnxChatClient(SharedAssets.Path("genai-packages", "llama-int4"));

        await Assert.ThrowsAsync<ChatTemplateException>(() => client.GetResponseAsync(
            "Hi", new() { AdditionalProperties = new() { ["chat_template"] = "{% if %}" } },
            TestContext.Current.CancellationToken));

        Assert.NotEmpty((await client.GetResponseAsync(
            "Hi", new() { MaxOutputTokens = 1 }, TestContext.Current.CancellationToken)).Messages);
    }

    [Fact]
    public async Task Template_EditedInAPackage_IsUsedWithAWarning()
    {
        using var folder = new TemporaryFolder();
        CopyAssistant(folder["package"]);
        Assert.Empty(ModelPackage.Open(folder["package"]).EditedTemplates);
        var log = new LogLines();
        await File.WriteAllTextAsync(
            Path.Combine(folder["package"], "chat_template.jinja"), "edited {{ messages[0].content }}",
            TestContext.Current.CancellationToken);

        await using var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = folder["package"], ModelId = "m", Model = new() { LoggerFactory = log },
        });
        await client.LoadAsync(TestContext.Current.CancellationToken);

        Assert.Contains(
            "Warning: The template 'chat_template.jinja' of 'm' was edited since the package was made. It is used as "
            + "it is now.",
            log.Lines);
    }

    /// <summary>Comparing sizes hashes nothing, so that a change of the same length is not seen.</summary>
    [Theory]
    [InlineData(PackageVerification.Default, 1)]
    [InlineData(PackageVerification.Sizes, 0)]
    public async Task Verification_OfATemplateOfTheSameLength_HashesUnlessSizesAreAsked(
        PackageVerification verification, int warnings)
    {
        using var folder = new TemporaryFolder();
        CopyAssistant(folder["package"]);
        var template = Path.Combine(folder["package"], "chat_template.jinja");
        var text = await File.ReadAllBytesAsync(template, TestContext.Current.CancellationToken);
        text[^1] = text[^1] == (byte)' ' ? (byte)'\n' : (byte)' ';
        await File.WriteAllBytesAsync(template, text, TestContext.Current.CancellationToken);
        var log = new LogLines();

        await using var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = folder["package"], Model = new() { LoggerFactory = log, Verification = verification },
        });
        await client.LoadAsync(TestContext.Current.CancellationToken);

        Assert.Equal(warnings, log.Lines.Count(line => line.Contains("was edited", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Package_OfAnEncoder_IsToldFromADecoders()
    {
        using var folder = new TemporaryFolder();
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "bert")))
        {
            Exporter.Export(checkpoint, folder["package"], new ExportOptions { Precision = Precision.Float32 });
        }

        await using var client = new OnnxChatClient(folder["package"]);

        var e = await Assert.ThrowsAsync<PackageException>(
            () => client.GetResponseAsync("Hi", cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(
            $"The package '{folder["package"]}' is an encoder's, which writes no text. Embed with "
            + "OnnxEmbeddingGenerator or 'slipway embed', or give the package of a decoder.",
            e.Message);
    }

    private static void CopyAssistant(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(
            Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4")))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }
    }
}

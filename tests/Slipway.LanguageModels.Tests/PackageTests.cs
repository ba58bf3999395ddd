using System.ComponentModel;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Calibration;
using Slipway.Export;
using Slipway.Export.Quantization;
using Slipway.Testing;
using static TorchSharp.torch;

namespace Slipway.LanguageModels.Tests;

/// <summary>Packages of modules do what every package does: guidance, tools, prefixes, calibrated methods.</summary>
public sealed class PackageTests(ITestOutputHelper output)
{
    private const int Context = 768;

    public static TheoryData<string> Names => [.. Kinds.Names];

    [Fact]
    public void Rotation_OfAModuleThatCannotBeTurned_IsRefusedByName()
    {
        using var module = Kinds.Make("gpt", Context);
        using var exported = Exported.Of(module);
        using TemporaryFolder folder = new();
        var refusal = Assert.Throws<NotSupportedException>(() => PackageQuantizer.Quantize(
            exported.Package, Path.Combine(folder.Path, "turned"), new QuantizeOptions { Rotate = true }));
        Assert.StartsWith("The model 'Gpt' cannot be rotated", refusal.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Methods => [.. Kinds.Names.SelectMany(
        name => ((string[])["gptq", "awq", "weighted", "awq+gptq"]).Select(method => (name, method)))];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Client_SchemaAndForcedCall_AreFollowed(string name)
    {
        using var module = Kinds.Make(name, Context);
        using var exported = Exported.Of(module, new() { ContextLength = Context, Precision = Precision.Int4 });
        using IChatClient client = new OnnxChatClient(exported.Package);
        var token = TestContext.Current.CancellationToken;
        var answer = await client.GetResponseAsync<Boat>(
            "Which boat?", new ChatOptions { Seed = 5, Temperature = 1.2f, MaxOutputTokens = 120 },
            cancellationToken: token);
        output.WriteLine(answer.Text);
        Assert.True(Enum.IsDefined(answer.Result.Colour));

        var options = new ChatOptions
        {
            Seed = 6, Temperature = 1.2f, MaxOutputTokens = 160, AllowMultipleToolCalls = false,
            Tools = [AIFunctionFactory.Create((Colour colour, bool on) => $"{colour} {on}", "set_light")],
            ToolMode = ChatToolMode.RequireSpecific("set_light"),
        };
        var response = await client.GetResponseAsync("Light, please.", options, token);
        var call = Assert.IsType<FunctionCallContent>(response.Messages[0].Contents[0]);
        output.WriteLine(JsonSerializer.Serialize(call.Arguments));
        Assert.Equal("set_light", call.Name);
        Assert.Null(call.Exception);
        Assert.Contains($"{call.Arguments!["colour"]}", Enum.GetNames<Colour>());
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Prefix_OfEarlierPrompt_IsReusedWithTheSameTokens(string name)
    {
        using var module = Kinds.Make(name, Context);
        using var exported = Exported.Of(module, new() { ContextLength = Context });
        using var model = LanguageModel.Load(exported.Package);
        Random random = new(4);
        int[] first = [.. Enumerable.Range(0, 150).Select(_ => random.Next(Exported.VocabularySize))];
        int[] second = [.. first[..140], .. first[..20]];
        _ = await Kinds.Generate(model, first, 4);
        var (tokens, usage) = await Kinds.Generate(model, second, 16);
        output.WriteLine($"{usage.CachedTokens} of {second.Length} tokens were kept");
        Assert.InRange(usage.CachedTokens, 100, 140);
        Assert.Equal(Kinds.Greedy(module, second, 16), tokens);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Method_OfQuantization_StaysNearTheModule(string name, string method)
    {
        using var module = Kinds.Make(name, Context);
        using var exported = Exported.Of(module, new()
        {
            ContextLength = Context, Precision = Precision.Int4, Method = method,
            Calibration = new ModelCalibration(new CalibrationOptions { Texts = 8, TokensPerText = 24 }),
            Recipe = [RecipeRule.Parse("_q*=int8")],
        });
        Assert.Equal(method, exported.Report.Manifest.Quantization!.Method);
        using var model = LanguageModel.Load(exported.Package);
        int[] prompt = [.. Enumerable.Range(0, 40).Select(index => (index * 31) % 280)];
        var logits = await model.ForwardAsync(prompt, TestContext.Current.CancellationToken);
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var expected = module.call(tensor(Array.ConvertAll(prompt, id => (long)id), [1, prompt.Length]))[0];
        var actual = tensor(logits.Memory.ToArray(), expected.shape);
        var error = ((actual - expected).norm() / expected.norm()).item<float>();
        output.WriteLine($"{name} {method}: {error:0.000} of the logits' norm");
        Assert.InRange(error, 1e-4f, 0.3f);
    }

    public enum Colour
    {
        Red,
        Green,
    }

    public sealed record Boat(Colour Colour, [property: Description("Whether it has sails")] bool HasSails);
}

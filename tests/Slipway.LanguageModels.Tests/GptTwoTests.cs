using System.Diagnostics;
using System.Runtime.InteropServices;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Onnx.Serialization;
using Slipway.Testing;
using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.LanguageModels.Tests;

/// <summary>GPT-2 traced beside GPT-2 exported by its architecture, with the same weights.</summary>
public sealed class GptTwoTests(ITestOutputHelper output)
{
    [Fact]
    public async Task FromModule_Gpt_IsAsSmallAsItsArchitecture()
    {
        using Packages packages = new(Exported.VocabularySize, width: 64, heads: 4, layers: 3, context: 64);
        int traced = Nodes(packages.Traced), exported = Nodes(packages.ByArchitecture);
        output.WriteLine($"{traced} nodes, {exported} by architecture");
        Assert.InRange(traced, 1, 1.2 * exported);
        using var one = LanguageModel.Load(packages.Traced);
        using var other = LanguageModel.Load(packages.ByArchitecture);
        Assert.Equal(await Generate(other, 20, 30), await Generate(one, 20, 30));
    }

    // Prints ratios of paired runs; by 'dotnet run … -- -explicit only -class "*GptTwoTests" -showLiveOutput'.
    [Fact(Explicit = true)]
    public async Task FromModule_GptOfFullSize_RunsAsFast()
    {
        using Packages packages = new(50257, width: 768, heads: 12, layers: 12, context: 1024);
        output.WriteLine(
            $"{packages.Report.Seconds:f1} s, difference {packages.Report.Difference:g3}, "
            + $"{Nodes(packages.Traced)} nodes, {Nodes(packages.ByArchitecture)} by architecture");
        using var one = LanguageModel.Load(packages.Traced);
        using var other = LanguageModel.Load(packages.ByArchitecture);
        List<double> prefill = [], decode = [];
        for (var round = 0; round < 10; round++)
        {
            // Whichever runs first finds the processor's caches as others left them: they take turns.
            var early = await Measure(round % 2 == 0 ? one : other, round);
            var late = await Measure(round % 2 == 0 ? other : one, round);
            var (first, second) = round % 2 == 0 ? (early, late) : (late, early);
            prefill.Add(second.Prefill / first.Prefill);
            decode.Add(second.Decode / first.Decode);
            Assert.Equal(second.Tokens, first.Tokens);
        }

        output.WriteLine($"prefill {Median(prefill):f2} ×, decode {Median(decode):f2} × of the architecture's speed");
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static int Nodes(string package) => OnnxFile.Read(Path.Combine(package, "model.onnx")).Graph.Nodes.Count;

    private static async Task<(double Prefill, double Decode, int[] Tokens)> Measure(LanguageModel model, int round)
    {
        const int Prompt = 256, Count = 24;
        var start = Stopwatch.GetTimestamp();
        _ = await Generate(model, Prompt, 1, seed: round);
        var prefill = Stopwatch.GetElapsedTime(start).TotalSeconds;
        _ = await Generate(model, 8, 1, seed: round + 100);
        start = Stopwatch.GetTimestamp();
        var tokens = await Generate(model, 8, Count, seed: round + 100);
        return (prefill, Stopwatch.GetElapsedTime(start).TotalSeconds, tokens);
    }

    private static async Task<int[]> Generate(LanguageModel model, int prompt, int count, int seed = 1)
    {
        Random random = new(seed);
        List<int> tokens = [];
        await foreach (var token in model.GenerateAsync(new GenerationRequest
        {
            PromptIds = [.. Enumerable.Range(0, prompt).Select(_ => random.Next(Exported.VocabularySize))],
            MaxOutputTokens = count, IgnoreEndOfSequence = true,
        }))
        {
            tokens.Add(token.Id);
        }

        return [.. tokens];
    }

    private sealed class Packages : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly Exported _exported;

        public Packages(int vocabulary, int width, int heads, int layers, int context)
        {
            manual_seed(6);
            using Gpt module = new(vocabulary, width, heads, layers, context);
            module.eval();
            _exported = Exported.Of(module);
            var checkpoint = Path.Combine(_folder.Path, "checkpoint");
            _ = Exported.WriteTokenizer(_folder.Path);
            Directory.Move(Path.Combine(_folder.Path, "tokenizer"), checkpoint);
            File.WriteAllText(Path.Combine(checkpoint, "config.json"), $$"""
                {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": {{vocabulary}},
                 "n_embd": {{width}}, "n_layer": {{layers}}, "n_head": {{heads}}, "n_positions": {{context}},
                 "activation_function": "gelu", "layer_norm_epsilon": 1e-5}
                """);
            SafetensorsWriter.Write(
                Path.Combine(checkpoint, "model.safetensors"),
                [.. module.named_parameters().Select(item => Entry(item.name, item.parameter))]);
            using var opened = Checkpoint.Open(checkpoint);
            _ = Exporter.Export(opened, ByArchitecture);
        }

        public LanguageModelExportReport Report => _exported.Report;

        public string Traced => _exported.Package;

        public string ByArchitecture => Path.Combine(_folder.Path, "package");

        public void Dispose()
        {
            _exported.Dispose();
            _folder.Dispose();
        }

        // GPT-2 stores the weights of linear layers as [inputs, outputs].
        private static SafetensorsEntry Entry(string name, Tensor weight)
        {
            using var scope = NewDisposeScope();
            (string From, string To)[] names =
            [
                ("_tokens.", "wte."), ("_positions.", "wpe."), ("_blocks.", "h."), ("_norm.", "ln_f."),
                ("._first.", ".ln_1."), ("._second.", ".ln_2."), ("._attention._qkv.", ".attn.c_attn."),
                ("._attention._projection.", ".attn.c_proj."), ("._mlp.fc.", ".mlp.c_fc."),
                ("._mlp.proj.", ".mlp.c_proj."),
            ];
            var to = names.Aggregate(name, (text, pair) => text.Replace(pair.From, pair.To, StringComparison.Ordinal));
            var isLinear = weight.ndim == 2 && to.Contains(".c_", StringComparison.Ordinal);
            var stored = (isLinear ? weight.t() : weight).detach().contiguous();
            var values = MemoryMarshal.Cast<byte, float>(MemoryMarshal.AsBytes(stored.bytes)).ToArray();
            return SafetensorsEntry.From($"transformer.{to}", values, stored.shape);
        }
    }
}

using Microsoft.Extensions.AI;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;
using Slipway.Training.Adapters;
using Slipway.Training.Data;
using Slipway.Training.Models;
using Slipway.Training.Modules;
using Slipway.Training.Optimization;
using static TorchSharp.torch;

namespace Slipway.Rollouts;

/// <summary>Gives adapters that were trained here to a model that runs.</summary>
public sealed class RunningAdapterTests(ITestOutputHelper output) : IDisposable
{
    private const string Request = "Hello!";
    private const string Learned = "Ahoy, sailor!";

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AddAdapter_TrainedHere_AnswersAsTheMergedModelUntilItIsRemoved(bool scaled)
    {
        var adapterFolder = _folder["adapter"];
        using (var model = DeviceAssistant.Load())
        using (var adapter = ModelAdapter.Attach(model, new()
        {
            Rank = 8, Alpha = 16, UseRsLora = scaled,
            TargetModules = ["q_proj", "v_proj", "up_proj", "down_proj"],
        }, seed: 7))
        {
            Train(model, adapter, DeviceAssistant.Encode([DeviceAssistant.Ask(Request, Learned)]));
            adapter.Save(adapterFolder);
        }

        using (var own = Checkpoint.Open(DeviceAssistant.Folder))
        {
            Exporter.Export(own, _folder["base"], new ExportOptions { AdapterInputs = true });
        }

        using (var merged = LoraAdapter.Open(adapterFolder).MergeInto(Checkpoint.Open(DeviceAssistant.Folder)))
        {
            Exporter.Export(merged, _folder["merged"]);
        }

        using var expected = LanguageModel.Load(_folder["merged"]);
        using var running = LanguageModel.Load(_folder["base"]);
        var before = await AnswersAsync(running, null);
        Assert.NotEqual(Learned, before[0]);
        await running.AddAdapterAsync("sailor", adapterFolder, Token);

        // Nothing of the folder is read any more.
        Directory.Delete(adapterFolder, recursive: true);
        Assert.Equal(["sailor"], running.Adapters);
        var learned = await AnswersAsync(running, "sailor");
        Assert.Equal(Learned, learned[0]);
        Assert.Equal(await AnswersAsync(expected, null), learned);
        int[] ids = [.. Enumerable.Range(10, 50)];
        var difference = await DifferenceAsync(running, expected, ids);
        output.WriteLine($"largest difference of a logit to the merged model {difference:0.0e+0}");
        Assert.InRange(difference, 0, 1e-3f);

        // The model alone answers beside the adapter as ever.
        Assert.Equal(before, await AnswersAsync(running, null));
        await running.RemoveAdapterAsync("sailor", Token);
        Assert.Empty(running.Adapters);
        await Assert.ThrowsAsync<ArgumentException>(() => AnswersAsync(running, "sailor"));
        Assert.Equal(before, await AnswersAsync(running, null));
    }

    private static async Task<float> DifferenceAsync(LanguageModel running, LanguageModel merged, int[] ids)
    {
        var adapted = await running.ForwardAsync(ids, "sailor", Token);
        var expected = await merged.ForwardAsync(ids, Token);
        var (left, right) = (adapted.Memory.ToArray(), expected.Memory.ToArray());
        return left.Zip(right, (a, b) => Math.Abs(a - b)).Max();
    }

    private static async Task<string[]> AnswersAsync(LanguageModel model, string? adapter)
    {
        using var client = new OnnxChatClient(model);
        var answers = new List<string>();
        foreach (var request in new[] { Request, "Order pizza.", "Who are you?" })
        {
            var response = await client.GetResponseAsync(request, new ChatOptions
            {
                Temperature = 0, MaxOutputTokens = 40,
                RawRepresentationFactory = _ => new OnnxChatRequestOptions { Adapter = adapter },
            }, Token);
            answers.Add(response.Text);
        }

        return [.. answers];
    }

    private static void Train(CausalLanguageModel model, ModelAdapter adapter, TokenDataset data)
    {
        var ids = data.Ids(0).ToArray();
        var places = Enumerable.Range(1, ids.Length - 1).Where(index => data.Learned(0)[index]).ToArray();
        using var optimizer = new AdamW(adapter.Parameters);
        using var input = tensor([.. ids.Select(id => (long)id)]);
        using var positions = tensor([.. places.Select(place => place - 1L)]);
        using var targets = tensor([.. places.Select(place => (long)ids[place])]);
        for (var step = 0; step < 15; step++)
        {
            using var scope = NewDisposeScope();
            using var layout = SequenceLayout.Uniform(1, ids.Length);
            optimizer.ZeroGradients();
            model.SummedLoss(input, layout, positions, targets).backward();
            optimizer.Step(1e-2, 0);
        }
    }
}

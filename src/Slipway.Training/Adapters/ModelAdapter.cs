using Slipway.Checkpoints;
using Slipway.Training.Models;
using Slipway.Training.Modules;
using Slipway.Training.Recipes;
using Slipway.Training.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

/// <summary>Trains a few weights beside a frozen model, in the formats of PEFT.</summary>
/// <remarks>
/// Attaching freezes the model's own weights; its <see cref="CausalLanguageModel.TrainableParameters"/> are the
/// adapter's then. A model has one adapter at a time. Use an instance like its model, from one thread at a time.
/// </remarks>
public sealed class ModelAdapter : IDisposable
{
    private const string Prefix = "base_model.model.";
    private const string WeightFile = "adapter_model.safetensors";
    private const string PromptName = "prompt_embeddings";

    private readonly CausalLanguageModel _model;
    private readonly List<(string Path, Projection Projection, ProjectionAdapter Adapter)> _layers = [];
    private readonly Parameter? _prompt;

    private ModelAdapter(CausalLanguageModel model, AdapterConfig config, long seed)
    {
        (_model, Config) = (model, config);
        using var generator = new Generator((ulong)seed);
        if (config.Kind is AdapterKind.PromptTuning or AdapterKind.PrefixTuning)
        {
            _prompt = CreatePrompt(generator);
            return;
        }

        foreach (var (path, projection) in Projections(model).Where(one => config.Targets(one.Path)))
        {
            _layers.Add((path, projection, CreateLayer(path, projection, generator)));
        }
    }

    /// <summary>The adapter's settings.</summary>
    public AdapterConfig Config { get; }

    /// <summary>The trained weights by the names that PEFT gives them.</summary>
    public IReadOnlyList<(string Name, Parameter Weight)> Parameters => _prompt is not null
        ? [(PromptName, _prompt)]
        : [.. _layers.SelectMany(layer => layer.Adapter.Parameters.Select(
            one => ($"{Prefix}{layer.Path}.{one.Name}", one.Weight)))];

    /// <summary>Vectors that are put before every sequence: ids -1 and below stand for them.</summary>
    internal int VirtualTokens => Config.Kind == AdapterKind.PromptTuning ? Config.VirtualTokens : 0;

    /// <summary>Positions of keys and values that every sequence sees before its own.</summary>
    internal int PrefixTokens => Config.Kind == AdapterKind.PrefixTuning ? Config.VirtualTokens : 0;

    /// <summary>Gives a model a new adapter and freezes the model.</summary>
    /// <remarks>LoRA, IA3 and bottlenecks change nothing before they are trained; prompts and prefixes do.</remarks>
    /// <param name="model">The model; it must outlive the adapter.</param>
    /// <param name="config">The settings.</param>
    /// <param name="seed">What the new weights are drawn from.</param>
    /// <exception cref="ArgumentException">The settings name no matrix of the model.</exception>
    /// <exception cref="InvalidOperationException">The model has an adapter already.</exception>
    public static ModelAdapter Attach(CausalLanguageModel model, AdapterConfig config, long seed = 0)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(config);
        if (model.Adapter is not null)
        {
            throw new InvalidOperationException("The model has an adapter already. Merge or dispose that one first.");
        }

        Check(model, config);
        var adapter = new ModelAdapter(model, config, seed);
        foreach (var parameter in model.parameters())
        {
            parameter.requires_grad = false;
        }

        model.Adapter = adapter;
        adapter.Switch(on: true);
        return adapter;
    }

    /// <summary>Gives a model an adapter that PEFT or this library saved.</summary>
    /// <param name="model">The model that the adapter was trained on; it must outlive the adapter.</param>
    /// <param name="folder">Holds <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.</param>
    /// <exception cref="FileNotFoundException">The folder holds no adapter.</exception>
    /// <exception cref="CheckpointException">The tensors do not fit the model: the adapter is of another
    /// base.</exception>
    /// <exception cref="RecipeException">The settings cannot be used.</exception>
    public static ModelAdapter Load(CausalLanguageModel model, string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var path = Path.Combine(folder, AdapterConfig.FileName);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException(
                $"The folder '{folder}' holds no adapter. Expected '{AdapterConfig.FileName}' and '{WeightFile}'.",
                path);
        }

        var json = RecipeReader.ParseJson(File.ReadAllText(path), path);
        using var tensors = Checkpoint.Open(Path.Combine(folder, WeightFile));
        var adapter = Attach(model, AdapterConfig.Parse(json, path));
        try
        {
            adapter.Read(tensors);
            return adapter;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    /// <summary>Fills the adapter's weights from tensors of PEFT's names.</summary>
    /// <param name="tensors">Holds a tensor for each weight and no other.</param>
    /// <exception cref="CheckpointException">A tensor is missing, left over or of the wrong shape.</exception>
    public void Read(Checkpoint tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        CheckpointWeights.Load(
            Parameters, tensors, $"The adapter '{tensors.Path}' belongs to another model"
            + (Config.BaseModel is { } name ? $", '{name}'" : "") + ", or to other settings.");
    }

    /// <summary>Writes <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>, which PEFT loads.</summary>
    /// <remarks>Each file is replaced whole or not at all.</remarks>
    /// <param name="folder">The folder; created where it is missing.</param>
    public void Save(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(
            Path.Combine(folder, WeightFile),
            [.. Parameters.Select(one => TensorEntries.Of(one.Name, one.Weight))]);
        var json = Config.ToJson([.. _layers.Select(layer => layer.Path)], _model.Config.Architecture.IsGpt2);
        AtomicFile.Write(Path.Combine(folder, AdapterConfig.FileName), json);
    }

    /// <summary>Writes the adapter into the model's own weights, which can be trained again, and ends it.</summary>
    /// <exception cref="NotSupportedException">Adapters of this kind are no matrices, or the model's weights are
    /// codes.</exception>
    public void Merge()
    {
        using var untracked = no_grad();
        using var scope = NewDisposeScope();
        var merged = _layers.Select(layer => layer.Projection.Frozen is null
            ? layer.Adapter.Merged(layer.Projection.Matrix()) : null).ToArray();
        if (_prompt is not null || merged.Contains(null))
        {
            throw new NotSupportedException(
                $"An adapter of the kind '{Config.Kind}' cannot be merged into this model's weights. Merge LoRA or IA3 "
                + "into a model that is not quantized, or keep the adapter beside it.");
        }

        foreach (var ((_, projection, adapter), weight) in _layers.Zip(merged))
        {
            projection.weight.copy_(projection.IsTransposed ? weight!.t() : weight!);
            projection.bias?.copy_(adapter.MergedBias(projection.bias));
        }

        Dispose();
    }

    /// <summary>Lets the model compute without the adapter until the result is disposed.</summary>
    public IDisposable Disable()
    {
        Switch(on: false);
        return new Disabled(this);
    }

    /// <summary>Takes the adapter off the model, whose own weights can be trained again.</summary>
    public void Dispose()
    {
        if (_model.Adapter != this)
        {
            return;
        }

        Switch(on: false);
        _model.Adapter = null;
        foreach (var parameter in _model.parameters())
        {
            parameter.requires_grad = true;
        }

        _layers.ForEach(layer => layer.Adapter.Dispose());
        _prompt?.Dispose();
    }

    /// <summary>Lists a model's matrices by their modules' paths, as the weights' names tell them.</summary>
    internal static IReadOnlyList<(string Path, Projection Projection)> Projections(CausalLanguageModel model)
    {
        var byWeight = new Dictionary<Parameter, Projection>(ReferenceEqualityComparer.Instance);
        foreach (var projection in model.modules().OfType<Projection>())
        {
            byWeight[projection.weight] = projection;
        }

        return [.. model.named_parameters().Where(one => byWeight.ContainsKey(one.parameter))
            .Select(one => (one.name[..^".weight".Length], byWeight[one.parameter]))];
    }

    private static void Check(CausalLanguageModel model, AdapterConfig config)
    {
        if (config.Kind is AdapterKind.PromptTuning or AdapterKind.PrefixTuning)
        {
            return;
        }

        var paths = Projections(model).Select(one => one.Path).ToArray();
        var names = paths.Select(path => path[(path.LastIndexOf('.') + 1)..]).Distinct().ToArray();
        foreach (var target in config.TargetModules.Where(target => !paths.Any(
            path => path == target || path.EndsWith($".{target}", StringComparison.Ordinal))))
        {
            throw new ArgumentException(
                $"The model has no matrix '{target}', which 'target_modules' names. The nearest is "
                + $"'{NearestName.Find(target, names)}'.", nameof(config));
        }
    }

    private ProjectionAdapter CreateLayer(string path, Projection projection, Generator generator) => Config.Kind switch
    {
        AdapterKind.Ia3 => new Ia3Layer(projection, Config.ScalesInput(path)),
        AdapterKind.Bottleneck => new BottleneckLayer(projection, Config.Rank, generator),
        _ => new LoraLayer(
            projection, Config.RankOf(path), Config.ScaleOf(path), Config.Dropout, Config.UseDora, generator),
    };

    // Prompts begin as the vectors of random tokens, prefixes near zero.
    private Parameter CreatePrompt(Generator generator)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        var config = _model.Config;
        var start = Config.Kind == AdapterKind.PromptTuning
            ? _model.Stack.Embedding.weight.index_select(
                0, randint(config.VocabSize, [Config.VirtualTokens], int64, generator: generator))
            : zeros(Config.VirtualTokens, config.NumHiddenLayers * 2L * config.NumKeyValueHeads * config.HeadDim)
                .normal_(0, config.InitializerRange, generator);
        return new Parameter(start.clone().DetachFromDisposeScope());
    }

    private void Switch(bool on)
    {
        foreach (var (_, projection, adapter) in _layers)
        {
            projection.Adapter = on ? adapter : null;
        }

        if (_prompt is null)
        {
            return;
        }

        if (Config.Kind == AdapterKind.PromptTuning)
        {
            _model.Stack.VirtualTokens = on ? _prompt : null;
            return;
        }

        foreach (var (layer, index) in _model.Stack.Layers.Select((layer, index) => (layer, index)))
        {
            layer.Attention.Prefix = on
                ? new PrefixKeys(_prompt, index, _model.Config.NumKeyValueHeads, _model.Config.NumHiddenLayers)
                : null;
        }
    }

    private sealed class Disabled(ModelAdapter adapter) : IDisposable
    {
        public void Dispose()
        {
            // An adapter that was merged or disposed meanwhile is off for good.
            if (adapter._model.Adapter == adapter)
            {
                adapter.Switch(on: true);
            }
        }
    }
}

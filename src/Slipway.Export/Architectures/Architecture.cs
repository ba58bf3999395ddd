using Slipway.Checkpoints;
using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Packaging;

namespace Slipway.Export.Architectures;

/// <summary>A kind of model: what its graph is made of, and what its package says of it.</summary>
internal abstract class Architecture
{
    /// <summary>The longest sequence in tokens that the model was made for.</summary>
    public abstract int LongestSequence(ConfigReader config);

    /// <summary>Tells whether an int8 package multiplies hidden states as they are, not rounded to 8 bits.</summary>
    public virtual bool ExactActivations => false;

    /// <summary>Builds the graph.</summary>
    /// <param name="build">The model that is being exported.</param>
    /// <param name="checkpoint">Where files beside the weights are.</param>
    public abstract void Build(ModelBuild build, Checkpoint checkpoint);

    /// <summary>Writes the files that describe the graph.</summary>
    /// <param name="package">The package.</param>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="graphFile">The graph's file in the package.</param>
    /// <param name="contextLength">The longest sequence that the package allows.</param>
    /// <param name="window">The layers that keep keys and values of their last tokens only; null for none.</param>
    public abstract void Describe(
        PackageWriter package, Checkpoint checkpoint, ConfigReader config, string graphFile, int contextLength,
        GenAISlidingWindow? window);
}

using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>Shows of a model what a run needs of it, whatever it computes.</summary>
internal interface ITrainedModel
{
    /// <summary>The weights that training changes, by name.</summary>
    IReadOnlyList<(string Name, Parameter Weight)> TrainableParameters { get; }

    /// <summary>The number type of the matrix products.</summary>
    ScalarType ComputeType { get; set; }

    /// <summary>Tells whether the inputs of layers alone are kept for their gradients.</summary>
    bool GradientCheckpointing { get; set; }

    /// <summary>Writes what was trained into a folder; each file is replaced whole or not at all.</summary>
    /// <param name="folder">The folder, which exists.</param>
    /// <param name="type">The number type of weights that are saved whole.</param>
    void Save(string folder, ScalarType type);
}

using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Layers;

/// <summary>How a tensor starts that no file provides.</summary>
internal enum WeightStart
{
    /// <summary>Normal, with the model's initializer range.</summary>
    Random,

    /// <summary>All zero: biases, and the weights of norms that add one to them.</summary>
    Zeros,

    /// <summary>All one: the weights of norms.</summary>
    Ones,
}

/// <summary>A tensor that a model under construction asks for.</summary>
/// <param name="Name">Its full name.</param>
/// <param name="Shape">Its shape in memory (a file may hold it transposed).</param>
/// <param name="Start">Its values when it is new.</param>
/// <param name="IsHead">Whether it belongs to a task's head, which may be new although the model is not.</param>
internal readonly record struct WeightRequest(string Name, long[] Shape, WeightStart Start, bool IsHead)
{
    private const string WeightSuffix = ".weight";

    /// <summary>Whether it is the matrix of a linear layer, which a file may hold quantised.</summary>
    public bool IsMatrix { get; init; }

    /// <summary>Name of the module that the tensor belongs to.</summary>
    public string Module => Name.EndsWith(WeightSuffix, StringComparison.Ordinal) ? Name[..^WeightSuffix.Length] : Name;
}

/// <summary>
/// Where a model under construction gets its weights from: a checkpoint, a random generator, or nowhere (to learn names and shapes). Models are built by one
/// pass over this contract, so that their structure is written down once.
/// </summary>
internal abstract class WeightProvider
{
    /// <summary>Whether a tensor of this name is there to be loaded.</summary>
    public abstract bool Contains(string name);

    /// <summary>A parameter that is kept as it is.</summary>
    public abstract Parameter Parameter(WeightRequest request);

    /// <summary>The weight matrix (out, in) of a linear layer, in the form that the load options ask for or that the file has.</summary>
    /// <param name="request">The matrix.</param>
    /// <param name="quantize">False for routers, which stay as they are. Heads are told by the request.</param>
    public abstract LinearWeight Weight(WeightRequest request, bool quantize);
}

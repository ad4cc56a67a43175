using TorchSharp;

namespace LoraSharp.Training;

/// <summary>Parameters that share a learning rate and a weight decay.</summary>
public sealed class ParameterGroup
{
    /// <summary>Makes a group.</summary>
    /// <param name="parameters">The parameters; may be empty.</param>
    /// <param name="learningRate">The first learning rate.</param>
    /// <param name="weightDecay">The decay, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is negative or not finite.</exception>
    public ParameterGroup(IReadOnlyList<NamedParameter> parameters, double learningRate, double weightDecay = 0)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (!double.IsFinite(weightDecay) || weightDecay < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(weightDecay), weightDecay, "Weight decay is a finite number of at least 0.");
        }

        if (!double.IsFinite(learningRate) || learningRate < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(learningRate), learningRate, "A learning rate is a finite number of at least 0.");
        }

        Parameters = parameters;
        LearningRate = learningRate;
        WeightDecay = weightDecay;
    }

    /// <summary>The parameters.</summary>
    public IReadOnlyList<NamedParameter> Parameters { get; }

    /// <summary>The rate of the next step; the schedule sets it.</summary>
    public double LearningRate { get; set; }

    /// <summary>The weight decay.</summary>
    public double WeightDecay { get; }

    /// <summary>
    /// The two groups of a module's trainable parameters: those that decay, then those that do not (biases and norms, see
    /// <see cref="WeightDecayRule"/>). A tensor that occurs under two names is taken once.
    /// </summary>
    /// <param name="module">The model.</param>
    /// <param name="learningRate">The rate of both groups.</param>
    /// <param name="weightDecay">The decay of the first group.</param>
    public static IReadOnlyList<ParameterGroup> ForModule(torch.nn.Module module, double learningRate, double weightDecay)
    {
        ArgumentNullException.ThrowIfNull(module);
        HashSet<string> layerNorms = [.. module.named_modules().Where(entry => WeightDecayRule.IsLayerNorm(entry.module)).Select(entry => entry.name)];
        if (WeightDecayRule.IsLayerNorm(module))
        {
            layerNorms.Add("");
        }

        var decaying = new List<NamedParameter>();
        var others = new List<NamedParameter>();
        var seen = new HashSet<IntPtr>();
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in module.named_parameters())
        {
            if (parameter.requires_grad && seen.Add(parameter.Handle))
            {
                string owner = name.Contains('.', StringComparison.Ordinal) ? name[..name.LastIndexOf('.')] : "";
                (WeightDecayRule.Decays(name, layerNorms.Contains(owner)) ? decaying : others).Add(new NamedParameter(name, parameter));
            }
        }

        return [new ParameterGroup(decaying, learningRate, weightDecay), new ParameterGroup(others, learningRate)];
    }
}

using System.Text.Json;
using LoraSharp.Files;
using LoraSharp.Tests.Golden;
using LoraSharp.Training;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Training.Optimizers;

/// <summary>Parameters after every step, from given gradients; every other step the state goes through a checkpoint.</summary>
internal static class OptimizerStepsCase
{
    public static void Check(GoldenCase c)
    {
        c.RequireKnownParameters("kind", "optim", "learning_rate", "weight_decay", "no_decay", "optimizer_kwargs", "steps", "dtype");
        using SafeTensorsFile file = SafeTensorsFile.Open(c.TensorsPath);
        const string Prefix = "input.parameter.";
        string[] names = [.. file.Tensors.Where(t => t.Name.StartsWith(Prefix, StringComparison.Ordinal)).Select(t => t.Name[Prefix.Length..])];
        NamedParameter[] parameters = [.. names.Select(name => new NamedParameter(name, file.Load(Prefix + name).requires_grad_()))];
        Assert.All(parameters, p => Assert.Equal(c.Parameters.GetProperty("dtype").GetString(), p.Value.dtype.ToString().ToLowerInvariant()));

        double rate = c.Parameters.GetProperty("learning_rate").Deserialize<double?>() ?? 0;
        double[]? rates = c.Inputs.GetProperty("learning_rates").Deserialize<double[]?>();
        string[] noDecay = c.Parameters.GetProperty("no_decay").Deserialize<string[]>()!;
        ParameterGroup[] groups =
        [
            new([.. parameters.Where(p => !noDecay.Contains(p.Name))], rate, c.Parameters.GetProperty("weight_decay").GetDouble()),
            new([.. parameters.Where(p => noDecay.Contains(p.Name))], rate),
        ];
        Dictionary<string, int[]> skipped = c.Inputs.GetProperty("skipped").Deserialize<Dictionary<string, int[]>>()!;
        IOptimizer Make() => OptimizerFactory.Create(
            OptimizerFactory.Parse(c.Parameters.GetProperty("optim").GetString()!), groups, Options(c.Parameters.GetProperty("optimizer_kwargs")));

        IOptimizer optimizer = Make();
        for (int step = 0; step < c.Parameters.GetProperty("steps").GetInt32(); step++)
        {
            foreach (NamedParameter p in parameters)
            {
                bool skip = skipped.TryGetValue(p.Name, out int[]? steps) && steps.Contains(step);
                p.Value.grad = skip ? null : file.Load($"input.gradient.{p.Name}")[step].clone();
            }

            foreach (ParameterGroup group in groups)
            {
                group.LearningRate = rates?[step] ?? rate;
            }

            optimizer.Step();
            foreach (NamedParameter p in parameters)
            {
                OptimizerGoldenTests.AssertClose(c, $"{p.Name} after step {step}", file.Load($"expected.parameter.{p.Name}")[step], p.Value.detach());
            }

            if (step % 2 == 1)
            {
                IOptimizer resumed = Make();
                resumed.LoadState(optimizer.StateTensors());
                optimizer.Dispose();
                optimizer = resumed;
            }
        }

        IReadOnlyDictionary<string, Tensor> state = optimizer.StateTensors();
        const string StatePrefix = "expected.state.";
        foreach (string name in file.Tensors.Select(t => t.Name).Where(name => name.StartsWith(StatePrefix, StringComparison.Ordinal)))
        {
            Tensor expected = file.Load(name);
            Tensor actual = Assert.Contains(name[StatePrefix.Length..], state);
            Assert.Equal(expected.dtype, actual.dtype);
            OptimizerGoldenTests.AssertClose(c, name, expected, actual);
        }

        optimizer.ZeroGrad();
        Assert.All(parameters, p => Assert.Null(p.Value.grad));
        optimizer.Dispose();
    }

    private static OptimizerOptions Options(JsonElement kwargs)
    {
        var options = new OptimizerOptions();
        foreach (JsonProperty entry in kwargs.EnumerateObject())
        {
            JsonElement value = entry.Value;
            double Pair(int i) => value[i].GetDouble();
            options = entry.Name switch
            {
                "betas" => options with { Beta1 = Pair(0), Beta2 = Pair(1) },
                "eps" when value.ValueKind == JsonValueKind.Array => options with { Eps = Pair(0), EpsScale = Pair(1) },
                "eps" => options with { Eps = value.GetDouble() },
                "amsgrad" => options with { AmsGrad = value.GetBoolean() },
                "momentum" => options with { Momentum = value.GetDouble() },
                "dampening" => options with { Dampening = value.GetDouble() },
                "nesterov" => options with { Nesterov = value.GetBoolean() },
                "alpha" => options with { Alpha = value.GetDouble() },
                "centered" => options with { Centered = value.GetBoolean() },
                "lr_decay" => options with { LrDecay = value.GetDouble() },
                "initial_accumulator_value" => options with { InitialAccumulatorValue = value.GetDouble() },
                "clip_threshold" => options with { ClipThreshold = value.GetDouble() },
                "decay_rate" => options with { DecayRate = value.GetDouble() },
                "beta1" => options with { Beta1 = value.Deserialize<double?>() },
                "scale_parameter" => options with { ScaleParameter = value.GetBoolean() },
                "relative_step" => options with { RelativeStep = value.GetBoolean() },
                "warmup_init" => options with { WarmupInit = value.GetBoolean() },
                _ => throw new NotSupportedException($"The runner does not know the optimizer argument {entry.Name}."),
            };
        }

        return options;
    }
}

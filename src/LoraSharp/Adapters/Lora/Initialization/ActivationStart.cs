using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Adapters.Lora.Initialization;

/// <summary>Initialisations that look at the inputs of each layer while batches run through the model.</summary>
internal static class ActivationStart
{
    /// <summary>Batches that EVA runs at most, in case directions never settle.</summary>
    private const int MaxBatches = 10_000;

    public static void Run(nn.Module model, string adapter, IReadOnlyList<Action> batches)
    {
        AdapterSet set = AdapterSet.Require(model);
        AdapterEntry entry = set.Entry(adapter);
        if (entry.Config is not LoraConfig { Init.NeedsData: true } config)
        {
            throw new AdapterException($"The adapter '{adapter}' has no initialisation that looks at data. Add it with LoraInit.FromActivations or LoraInit.FromCovariance.");
        }

        if (batches.Count == 0)
        {
            throw new AdapterException("No batches were given; an initialisation from data needs at least one.");
        }

        (string Path, TunedLayer Layer)[] layers = [.. set.Layers.Where(item => item.Layer.AdapterNames.Contains(adapter) && item.Layer[adapter] is LoraLinear)];
        using var disabled = model.DisableAdapters();
        using var noGrad = no_grad();
        bool wasTraining = model.training;
        model.eval();
        try
        {
            if (config.Init.Eva is { } eva)
            {
                FromActivations(set, entry, config, eva, layers, batches);
            }
            else
            {
                FromCovariance(adapter, config.Init.Corda!, layers, batches);
            }
        }
        finally
        {
            model.train(wasTraining);
        }
    }

    private static void FromCovariance(string adapter, CordaOptions options, (string Path, TunedLayer Layer)[] layers, IReadOnlyList<Action> batches)
    {
        Covariance[] seen = [.. layers.Select(_ => new Covariance())];
        try
        {
            Observe(layers, seen.Select(covariance => (Action<Tensor>)covariance.Add), () =>
            {
                foreach (Action batch in batches)
                {
                    batch();
                }
            });
            foreach (var ((path, layer), covariance) in layers.Zip(seen))
            {
                using var scope = NewDisposeScope();
                Tensor inputs = covariance.Mean(path);
                var lora = (LoraLayer)layer[adapter];
                Decomposition.Apply(lora, layer.Base, (weight, r, scaling) => Decomposition.Corda(weight, inputs, r, scaling, options.PreserveKnowledge), path);
                lora.StartMagnitude(layer.Base);
            }
        }
        finally
        {
            Array.ForEach(seen, covariance => covariance.Dispose());
        }
    }

    private static void FromActivations(AdapterSet set, AdapterEntry entry, LoraConfig config, EvaOptions options, (string Path, TunedLayer Layer)[] layers, IReadOnlyList<Action> batches)
    {
        IncrementalPca[] found = [.. layers.Select(item => new IncrementalPca((int)Math.Round(((LoraLayer)item.Layer[entry.Name]).Settings.R * options.Rho, MidpointRounding.ToEven)))];
        try
        {
            int[] ranks = [];
            bool settled = false;
            Observe(layers, found.Select(pca => (Action<Tensor>)pca.Add), () =>
            {
                for (int i = 0; !settled && i < MaxBatches; i++)
                {
                    batches[i % batches.Count]();
                    ranks = ShareOut(config.R * layers.Length, found);
                    settled = found.Zip(ranks, (pca, rank) => pca.HasSettled(rank, options.Tau)).All(done => done);
                }
            });
            Take(set, entry, config, options, layers, found, ranks);
        }
        finally
        {
            Array.ForEach(found, pca => pca.Dispose());
        }
    }

    // The largest shares of explained variance, of all layers together, decide how many directions each layer gets.
    private static int[] ShareOut(int budget, IncrementalPca[] found)
    {
        var ranks = new int[found.Length];
        foreach (var (_, layer) in found.SelectMany((pca, layer) => pca.ExplainedVarianceRatios().Select(share => (share, layer))).OrderByDescending(entry => entry.share).Take(budget))
        {
            ranks[layer]++;
        }

        return ranks;
    }

    private static void Take(
        AdapterSet set, AdapterEntry entry, LoraConfig config, EvaOptions options, (string Path, TunedLayer Layer)[] layers, IncrementalPca[] found, int[] ranks)
    {
        var rankPattern = new List<KeyValuePair<string, int>>();
        var alphaPattern = new List<KeyValuePair<string, double>>();
        for (int i = 0; i < layers.Length; i++)
        {
            var (path, layer) = layers[i];
            if (ranks[i] == 0)
            {
                ((IAdapterHost)layer).Delete(entry.Name);
                entry.Paths.Remove(path);
                continue;
            }

            using var scope = NewDisposeScope();
            var lora = (LoraLayer)layer[entry.Name];
            double alpha = options.AdjustScaling ? lora.Settings.Alpha * ranks[i] / lora.Settings.R : lora.Settings.Alpha;
            lora.Resize(ranks[i], config.Scaling(ranks[i], alpha));
            lora.Settings = lora.Settings with { Alpha = alpha };
            lora.SetMatrices(found[i].Components(ranks[i], options.Whiten), zeros_like(lora.B));
            if (ranks[i] != config.R)
            {
                rankPattern.Add(new(path, ranks[i]));
            }

            if (alpha != config.Alpha)
            {
                alphaPattern.Add(new(path, alpha));
            }
        }

        string[] kept = [.. set.Layers.Where(item => item.Layer.AdapterNames.Contains(entry.Name)).Select(item => item.Path)];
        entry.Config = config with { RankPattern = rankPattern, AlphaPattern = alphaPattern, TargetModules = kept };
    }

    private static void Observe((string Path, TunedLayer Layer)[] layers, IEnumerable<Action<Tensor>> observers, Action run)
    {
        foreach (var ((_, layer), observer) in layers.Zip(observers))
        {
            layer.InputObserver = input =>
            {
                using var scope = NewDisposeScope();
                observer(input.detach().to(ScalarType.Float32).reshape(-1, input.shape[^1]));
            };
        }

        try
        {
            run();
        }
        finally
        {
            Array.ForEach(layers, item => item.Layer.InputObserver = null);
        }
    }
}

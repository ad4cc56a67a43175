using System.Text.Json;
using LoraSharp.Adapters;
using LoraSharp.Adapters.Files;
using LoraSharp.Adapters.Prompts;
using LoraSharp.Files;
using LoraSharp.Interop;
using LoraSharp.Layers;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Adapters;

/// <summary>A method that trains a prompt: the encoder's weights are given, the file holds what it makes of them.</summary>
internal sealed class PromptCase(GoldenCase golden, PeftCase run)
{
    public void Run(AdapterConfig config)
    {
        nn.Module model = run.Model.Module;
        JsonElement expected = golden.Expected;
        string folder = Path.Combine(golden.Folder, "adapter");
        Assert.Equal("refused", expected.GetProperty("merge").GetString());
        model.AddAdapter(config);
        var prompt = (PromptAdapter)AdapterSet.Of(model).Entry("default").ModelAdapter!;
        Dictionary<string, Parameter> encoder = prompt.Trained().ToDictionary(p => "encoder." + p.Name, p => p.Parameter);
        Assert.Equal(expected.GetProperty("trainable_tensors").EnumerateArray().Select(t => t.GetString()).Order(), encoder.Keys.Order());
        using (no_grad())
        {
            foreach (var (name, parameter) in encoder)
            {
                parameter.copy_(run.Tensors["input." + name]);
            }
        }

        Assert.Equal(expected.GetProperty("print_trainable_parameters").GetString(), model.TrainableParameters().ToString());
        Assert.Equal(expected.GetProperty("all_parameters").GetInt64(), model.TrainableParameters().Total);
        CheckNumbers(encoder);
        run.CheckDisabled();
        Assert.Throws<AdapterException>(() => model.MergeAdapter());
        Assert.Throws<AdapterException>(() => model.MergeAndUnload());
        CheckFiles(model, folder);

        // The file alone gives the same prompt.
        using PeftModel fresh = PeftModel.Load(golden.ModelFolder(), ScalarType.Float32);
        fresh.Module.LoadAdapter(folder);
        using (no_grad())
        {
            run.Compare("expected.logits", fresh.Forward(run.Tensors));
            CheckCache((CausalLM)fresh.Module);
        }

        Assert.Equal(0, fresh.Module.TrainableParameters().Trainable);
        fresh.Module.Unload();
        using (no_grad())
        {
            run.Compare("expected.base_logits", fresh.Forward(run.Tensors));
        }
    }

    private void CheckNumbers(Dictionary<string, Parameter> encoder)
    {
        Tensor logits = run.Model.Forward(run.Tensors), labels = run.Tensors["input.labels"];
        run.Compare("expected.logits", logits);
        long virtualTokens = logits.shape[1] - labels.shape[1];
        Tensor padded = cat([full([labels.shape[0], virtualTokens], -100, dtype: ScalarType.Int64), labels], 1);
        Tensor loss = PeftModel.Loss(golden.Parameters.GetProperty("loss").GetString()!, logits, padded);
        run.Compare("expected.loss", loss);
        Backward.Run(loss);
        foreach (string gradient in run.Tensors.Names.Where(n => n.StartsWith("expected.grad.", StringComparison.Ordinal)))
        {
            run.Compare(gradient, encoder[gradient["expected.grad.".Length..]].grad!);
        }
    }

    private void CheckFiles(nn.Module model, string folder)
    {
        using var saved = new TemporaryFolder();
        model.SaveAdapter(saved.Path);
        using SafeTensorsFile ours = SafeTensorsFile.Open(Path.Combine(saved.Path, AdapterFiles.WeightsFile)), theirs = SafeTensorsFile.Open(Path.Combine(folder, AdapterFiles.WeightsFile));
        Assert.Equal(theirs.Tensors.Select(t => t.Name), ours.Tensors.Select(t => t.Name));
        GoldenTensors.AssertClose(PromptAdapter.Key, theirs.Load(PromptAdapter.Key), ours.Load(PromptAdapter.Key), golden.Absolute, golden.Relative);
        AdapterFolderAssert.EqualConfig(folder, saved.Path, "base_model_name_or_path");
    }

    // Token by token through a cache as in one pass, with a mask and without.
    private void CheckCache(CausalLM model)
    {
        Tensor ids = run.Tensors["input.input_ids"], whole = run.Tensors["expected.logits"];
        foreach (bool masked in new[] { false, true })
        {
            using KvCache cache = model.NewCache();
            Tensor? last = null;
            for (int i = 0; i < ids.shape[1]; i++)
            {
                Tensor? mask = masked ? ones([ids.shape[0], i + 1], dtype: ScalarType.Int64) : null;
                last = model.Logits(ids.narrow(1, i, 1), mask, cache: cache, lastOnly: true);
            }

            GoldenTensors.AssertClose("the last logits through a cache", whole.narrow(1, whole.shape[1] - 1, 1), last!, 4 * golden.Absolute, golden.Relative);
        }
    }
}

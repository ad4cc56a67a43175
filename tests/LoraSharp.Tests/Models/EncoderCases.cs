using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>Masked language models, classifiers of tokens and base models.</summary>
internal static class EncoderCases
{
    public static void CheckMasked(GoldenCase golden)
    {
        using MaskedLM model = MaskedLM.Load(golden.ModelFolder(), CaseChecks.Options(golden));
        Check(golden, model, model.HiddenStates, model.ProjectLogits, inputs => model.Logits(inputs.Ids!, inputs.AttentionMask, inputs.PositionIds, inputs.TokenTypeIds));
    }

    public static void CheckTokens(GoldenCase golden)
    {
        using TokenClassifier model = TokenClassifier.Load(golden.ModelFolder(), CaseChecks.Options(golden));
        Check(golden, model, model.HiddenStates, model.Classify, inputs => model.Logits(inputs.Ids!, inputs.AttentionMask, inputs.PositionIds, inputs.TokenTypeIds));
    }

    public static void CheckBase(GoldenCase golden)
    {
        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(golden);
        using TextEmbedder model = TextEmbedder.Load(golden.ModelFolder(), CaseChecks.Options(golden));
        using var noGrad = no_grad();
        var hidden = new List<Tensor>();
        TransformerInputs inputs = CaseChecks.Inputs(tensors, hidden);
        Tensor last = model.HiddenStates(inputs);
        CaseChecks.Hidden(tensors, inputs, hidden, last);
        if (tensors.Has("expected.pooler_output"))
        {
            tensors.AssertClose("expected.pooler_output", model.PoolerOutput(last));
        }
    }

    private static void Check(
        GoldenCase golden, PretrainedModel model, Func<TransformerInputs, Tensor> states, Func<Tensor, Tensor> project, Func<TransformerInputs, Tensor> whole)
    {
        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(golden);
        var hidden = new List<Tensor>();
        TransformerInputs inputs = CaseChecks.Inputs(tensors, hidden);
        Tensor? real = inputs.AttentionMask?.unsqueeze(-1);
        Tensor last = states(inputs);
        CaseChecks.Hidden(tensors, inputs, hidden, last);
        Tensor logits = project(last);
        tensors.AssertClose("expected.logits", logits, real);
        CaseChecks.Gradients(golden, tensors, model, labels => TaskLoss.CrossEntropy(logits, labels, CaseChecks.Items(golden)));
        using var noGrad = no_grad();
        tensors.AssertClose("expected.logits", whole(inputs), real);
    }
}

// SPDX-License-Identifier: Apache-2.0 OR MIT
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {AssetBound} from "./AssetBound.sol";
import {Bonded} from "./Bonded.sol";
import {Challenges} from "./execution/Challenges.sol";
import {ExecutionCore} from "./execution/ExecutionCore.sol";
import {Executions} from "./execution/Executions.sol";
import {Rounds} from "./execution/Rounds.sol";
import {IAssetRegistry} from "./interfaces/IAssetRegistry.sol";
import {IContributionBook} from "./interfaces/IContributionBook.sol";
import {ExecutionLogConfig} from "./interfaces/IExecutionLog.sol";
import {ILicenseRegistry} from "./interfaces/ILicenseRegistry.sol";
import {IRevenueRouter} from "./interfaces/IRevenueRouter.sol";

/// @title Training, fine-tuning, inference, evaluation and federated rounds
/// @notice Put together from `execution/`, one idea a file; `interfaces/IExecutionLog.sol` says what it does.
contract ExecutionLog is Multicall, Challenges, Rounds {
    /// @param assets The asset registry.
    /// @param licenses The licence registry.
    /// @param contributions The contribution book.
    /// @param router The revenue router.
    /// @param admin Decides challenges.
    constructor(
        IAssetRegistry assets,
        ILicenseRegistry licenses,
        IContributionBook contributions,
        IRevenueRouter router,
        address admin,
        ExecutionLogConfig memory config
    )
        Ownable(admin)
        AssetBound(assets)
        ExecutionCore(contributions)
        Bonded(config.bondToken, config.bond)
        Executions(licenses, router, config.challengeWindowSecs)
        Challenges(config.treasury)
    {}
}
